-- What people call the entities of an incident: the engine knows ids only.

local kong = kong
local ngx = ngx


-- Whatever workspace they are in.
local EVERYWHERE = { workspace = ngx.null }


local _M = {}


-- Finds the name of an entity; nil where it has none, or is gone.
local function name_of(dao, id)
  local entity = id and id ~= "" and dao:select({ id = id }, EVERYWHERE)
  local name = entity and entity.name
  return name ~= ngx.null and name or nil
end


-- Adds `route_name` and `service_name` to an incident, and writes its title with the name.
function _M.add(incident)
  incident.route_name = name_of(kong.db.routes, incident.route)
  incident.service_name = name_of(kong.db.services, incident.service)
  if incident.route_name then
    local first, last = incident.title:find(incident.route, 1, true)
    if first then
      incident.title = incident.title:sub(1, first - 1) .. incident.route_name .. incident.title:sub(last + 1)
    end
  end
end


return _M
