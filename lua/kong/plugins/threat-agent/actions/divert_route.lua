-- Sends the incident's route to another service of the gateway, which stands ready for that: a sinkhole, a
-- honeypot, a maintenance page. The other routes of its service go on.

local database = require "kong.plugins.threat-agent.database"
local effect = require "kong.plugins.threat-agent.effect"


local _M = {}


-- Finds a service of the route's workspace by its id or name. Returns nil and why there is none.
local function find_service(text, workspace)
  for service, err in database.each("services") do
    if not service then
      return nil, "could not read the services: " .. tostring(err), true
    elseif (service.id == text or service.name == text) and database.workspace_of(service) == workspace then
      return service
    end
  end

  return nil, "there is no service " .. text
end


-- The share of the requests that go well which a record would refuse now.
function _M.touches(record)
  return effect.good_ratio(record.place, "route")
end


function _M.plan(record, _, step, client)
  local id = record.place.route
  if id == "" or not step.to_service then
    return nil, id == "" and "the incident has no route" or "the step names no to_service"
  end

  local api, err, passes = client()
  local route
  if api then
    route, err, passes = api:get("routes", id)
  end
  if not route then
    return nil, err or "the route is gone", passes or false
  end

  local from = type(route.service) == "table" and route.service.id or nil
  local service
  service, err, passes = find_service(step.to_service, record.place.workspace)
  if not service then
    return nil, err, passes
  elseif service.id == from then
    return nil, "the route goes there already"
  end

  record.touches_ratio = _M.touches(record)
  record.changes = {
    { op = "patch", kind = "routes", id = id, tags = route.tags, set = { service = { id = service.id } },
      before = { service = from and { id = from } or ngx.null } },
  }
  return true
end


return _M
