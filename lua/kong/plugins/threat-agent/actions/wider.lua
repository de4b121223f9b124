-- Which plugin runs at a place as long as none of its name stands on a scope there. Of several of a name Kong runs
-- the narrowest only: what is made on the scope takes the place of this one, and must not let through what this one
-- refuses.

local database = require "kong.plugins.threat-agent.database"


local pairs = pairs
local tostring = tostring
local type = type


-- What a plugin can be put on, beside the whole gateway.
local SCOPES = { route = true, service = true, consumer = true, consumer_group = true }


-- Whether a plugin is on what `on` has ids of, and on nothing else.
local function is_on(plugin, on)
  for scope in pairs(SCOPES) do
    local id = type(plugin[scope]) == "table" and plugin[scope].id or nil
    if id ~= on[scope] then
      return false
    end
  end

  return true
end


-- Finds the plugin of a name. field: what the scope is, "route" or "service". Returns false where there is none; nil,
-- an error and that it may pass.
return function(place, field, name)
  local workspace, failure = database.workspace_at(place)
  if not workspace then
    return nil, failure, true
  end

  local service = field == "route" and place.service ~= "" and place.service or nil
  local everywhere = false
  for plugin, err in database.each("plugins") do
    if not plugin then
      return nil, "could not read the plugins: " .. tostring(err), true
    elseif plugin.name == name and plugin.enabled and database.workspace_of(plugin) == workspace then
      if service and is_on(plugin, { service = service }) then
        return plugin
      end
      everywhere = is_on(plugin, {}) and plugin or everywhere
    end
  end

  return everywhere
end
