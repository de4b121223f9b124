-- What people call the entities of an incident: the engine knows ids only.

local database = require "kong.plugins.threat-agent.database"
local entities = require "kong.plugins.threat-agent.entities"
local given = require "kong.plugins.threat-agent.given"
local redact = require "kong.plugins.threat-agent.redact"


local _M = {}


-- Finds the name of an entity; nil where it has none, or is gone.
local function name_of(kind, id)
  local entity = id and id ~= "" and database.select(kind, id)
  return entity and given(entity.name) or nil
end


-- The name of a route, or its id where it has none; nil where it is gone.
function _M.route(id)
  local route = database.select("routes", id)
  return route and (given(route.name) or id)
end


-- The consumers that an incident's sentences name by their ids.
local function consumers_of(incident)
  local list, found = {}, {}
  local function search(text)
    for id in text:gmatch("[Cc]onsumer (" .. entities.ID .. ")") do
      if not found[id] then
        found[id] = true
        local consumer = database.select("consumers", id)
        local name = consumer and consumer.username
        list[#list + 1] = { id = id, name = type(name) == "string" and redact.text(name) or nil }
      end
    end
  end

  search(incident.title)
  for _, reason in ipairs(incident.reasons) do
    search(reason)
  end
  return list[1] and list or nil
end


-- Adds `route_name`, `service_name` and `consumers` to an incident, and writes its title with the
-- route's name.
function _M.add(incident)
  incident.route_name = name_of("routes", incident.route)
  incident.service_name = name_of("services", incident.service)
  incident.consumers = consumers_of(incident)
  if incident.route_name then
    local first, last = incident.title:find(incident.route, 1, true)
    if first then
      incident.title = incident.title:sub(1, first - 1) .. incident.route_name .. incident.title:sub(last + 1)
    end
  end
end


return _M
