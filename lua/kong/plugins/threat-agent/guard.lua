-- When the native half fails: traffic flows, and the log says so once a minute, not per request.

local elapsed = require "kong.plugins.threat-agent.elapsed"
local engines = require "kong.plugins.threat-agent.engines"
local library = require "kong.plugins.threat-agent.library"


local kong = kong
local ngx = ngx


local REPEAT_S = 60


local _M = {}


local said = {}   -- what failed → when it was logged last
local live        -- the confs that are configured now; nil before they are told


local function say(err)
  -- The details may differ from request to request: "could not inspect a request" is what counts.
  local what = err:match("^[^:]+")
  local now = ngx.now()
  if elapsed(said[what] or 0, REPEAT_S, now) then
    said[what] = now
    kong.log.err(err)
  end
end


-- Finds the engine of a config, or nil where there is none.
function _M.engine(conf)
  if not library.load() then
    return nil
  end

  local engine, err = engines.of(conf)
  if err then
    say(err)
  end

  return engine
end


-- Takes in all configs there are, and compiles them before a request needs them.
function _M.configure(confs)
  live = confs
  for _, conf in ipairs(confs) do
    _M.engine(conf)
  end
end


-- Counts the instances by mode: those that had a request lately, before all of them are told.
function _M.instances()
  local counts = { enforce = 0, monitor = 0 }
  for _, conf in ipairs(live or engines.known_confs()) do
    counts[conf.mode] = counts[conf.mode] + 1
  end

  return counts
end


-- Calls a function of native.lua. Returns what it returns; nil when it failed.
function _M.call(f, ...)
  local result, err = f(...)
  if err then
    say(err)
  end

  return result
end


return _M
