-- When the native half fails: traffic flows, and the log says so once a minute, not per request.

local native = require "kong.plugins.threat-agent.native"


local kong = kong
local ngx = ngx


local REPEAT_S = 60


local _M = {}


local said = {}   -- error → when it was logged last


local function say(err)
  local now = ngx.now()
  if (said[err] or 0) + REPEAT_S <= now then
    said[err] = now
    kong.log.err(err)
  end
end


-- Finds the engine of a config, or nil where there is none.
function _M.engine(conf)
  if not native.load() then
    return nil
  end

  local engine, err = native.engine(conf)
  if err then
    say(err)
  end

  return engine
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
