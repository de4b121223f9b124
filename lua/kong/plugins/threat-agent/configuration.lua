-- The global instance's configuration as operators may see it: without secrets.

local redact = require "kong.plugins.threat-agent.redact"
local settings = require "kong.plugins.threat-agent.settings"


local ngx = ngx
local next = next
local setmetatable = setmetatable
local type = type


-- Addresses of channels are secrets from the path on: whoever has them can write there.
local ADDRESSES = { url = true }

-- What Kong adds to a configuration.
local INTERNAL = "^_"
local SCOPES = { route_id = true, service_id = true, consumer_id = true, consumer_group_id = true, ws_id = true,
                 plugin_instance_name = true }


local _M = {}


local function shown(name, value)
  if redact.is_secret(name) then
    return redact.MASK
  elseif ADDRESSES[name] then
    return value:match("^%a+://[^/?@]+/?$") or (value:match("^%a+://") or "") .. redact.MASK
  end

  return redact.text(value)
end


local function copy_of(value)
  local copy = setmetatable({}, getmetatable(value))
  for name, item in next, value do
    local is_own = type(name) ~= "string" or not (name:find(INTERNAL) or SCOPES[name])
    if is_own and type(item) == "table" then
      copy[name] = copy_of(item)
    elseif is_own and type(item) == "string" then
      copy[name] = shown(type(name) == "string" and name or "", item)
    elseif is_own and item ~= ngx.null and type(item) ~= "function" then
      copy[name] = item
    end
  end

  return copy
end


-- Describes it; nil where there is no global instance.
function _M.get()
  local conf = settings.platform()
  -- The metatable of a conf hides most of it from `pairs`: see references.lua.
  return conf and setmetatable(copy_of(conf), nil) or nil
end


return _M
