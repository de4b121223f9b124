-- What leads nowhere: routes without a service that nothing answers for, services without routes, and
-- upstreams without a target that requests are sent to.

local standing = require "kong.plugins.threat-agent.config_review.standing"


local ipairs = ipairs
local concat = table.concat
local id_of = standing.id_of


local _M = {}


local function add_routes(review)
  for _, route in ipairs(review.entities.routes) do
    if not id_of(route.service) and not standing.is_answered(review.standing:on(route)) then
      review:add("orphaned", "route", route,
                 "has no service, and no plugin on it answers: Kong refuses its requests")
    end
  end
end


-- A service that is switched off is so on purpose.
local function add_services(review)
  local has_route = {}
  for _, route in ipairs(review.entities.routes) do
    has_route[id_of(route.service) or ""] = true
  end

  for _, service in ipairs(review.entities.services) do
    if service.enabled ~= false and not has_route[service.id] then
      review:add("orphaned", "service", service, "has no routes: no request reaches it")
    end
  end
end


-- Upstreams that no service names may be used by plugins.
local function services_by_host(review)
  local found = {}
  for _, service in ipairs(review.entities.services) do
    if service.enabled ~= false then
      local key = service.ws_id .. "/" .. service.host
      found[key] = found[key] or {}
      table.insert(found[key], service)
    end
  end

  return found
end


local function add_upstreams(review)
  local is_reached = {}
  for _, target in ipairs(review.entities.targets) do
    if target.weight ~= 0 then
      is_reached[id_of(target.upstream) or ""] = true
    end
  end

  local services = services_by_host(review)
  for _, upstream in ipairs(review.entities.upstreams) do
    local users = services[upstream.ws_id .. "/" .. upstream.name]
    if users and not is_reached[upstream.id] then
      local names, ids = {}, {}
      for i, service in ipairs(users) do
        names[i], ids[i] = review.name_of(service), service.id
      end
      table.sort(names)
      local finding = review:add("orphaned", "upstream", upstream, "has no target with a weight above 0: requests to service "
                                 .. concat(names, ", ") .. " fail")
      if finding then
        finding.services = ids
      end
    end
  end
end


function _M.find(review)
  add_routes(review)
  add_services(review)
  add_upstreams(review)
end


return _M
