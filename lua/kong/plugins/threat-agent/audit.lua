-- The receiving end of channels of type `gateway`: an event that the agent itself sends through a
-- route of this gateway, so that the log plugins on that route write it down, under the key
-- `threat_agent_event`. Whoever cannot sign gets nothing into a log.

local cjson = require "cjson.safe"
local raw_body = require "kong.plugins.threat-agent.raw_body"
local settings = require "kong.plugins.threat-agent.settings"
local signature = require "kong.plugins.threat-agent.notifiers.signature"


local kong = kong
local ngx = ngx
local ipairs = ipairs
local pairs = pairs
local type = type


local KEY = "threat_agent_event"
local VARIABLE = "http_" .. signature.HEADER:lower():gsub("%-", "_")
local MAX_BYTES = 256 * 1024


local _M = {}


-- The channels of a conf that lead here.
local function channels_of(conf)
  local list = {}
  for _, channel in ipairs(conf.notifications.enabled and conf.notifications.channels or {}) do
    if channel.type == "gateway" and channel.enabled then
      list[#list + 1] = channel
    end
  end

  return list
end


local known_conf, known = nil, {}     -- the platform's conf, and its channels

-- Looked up once a configuration: most have none, and then no request pays for them.
local function channels()
  local conf = settings.platform()
  if conf ~= known_conf then
    known_conf, known = conf, conf and channels_of(conf) or {}
  end

  return known
end


local function is_signed(value, body)
  for _, channel in ipairs(channels()) do
    -- A vault's secret comes later than the configuration, and may change.
    if type(channel.secret) == "string" and signature.is_right(value, channel.secret, body) then
      return true
    end
  end

  return false
end


-- Log plugins take no nulls.
local function bare(value)
  if type(value) ~= "table" then
    return value
  end

  local copy = {}
  for key, item in pairs(value) do
    if item ~= ngx.null then
      copy[key] = bare(item)
    end
  end

  return copy
end


-- In `access`: takes the event in, if the request is one of the agent's own, and answers it.
-- Returns whether it was.
function _M.receive()
  local value = channels()[1] and ngx.var[VARIABLE]
  if not value then
    return false
  end

  local body = raw_body.read(MAX_BYTES)
  local event = body and is_signed(value, body) and cjson.decode(body)
  if type(event) ~= "table" then
    return false
  end

  kong.ctx.plugin.event = bare(event)
  kong.response.exit(204)
  return true
end


-- In `log`: hands the event to the log plugins. Returns whether there is one.
function _M.write()
  local event = kong.ctx.plugin.event
  if not event then
    return false
  end

  kong.log.set_serialize_value(KEY, event)
  return true
end


return _M
