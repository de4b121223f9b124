-- Routes without authentication among others that have it: most others of the same service, or where that
-- has too few, of the gateway. Where most have none, as in a public shop, nothing is said.

local entities = require "kong.plugins.threat-agent.entities"
local guards = require "kong.plugins.threat-agent.guards"
local standing = require "kong.plugins.threat-agent.config_review.standing"


local ipairs = ipairs
local pairs = pairs
local type = type
local id_of = standing.id_of


-- Others that a service, and the gateway, must have for a comparison, and the share of them that has
-- authentication.
local LEAST_OF_SERVICE, LEAST_OF_GATEWAY = 2, 3
local MOST_RATIO = 0.75


local _M = {}


-- Whether who comes as `anonymous` is refused all the same: by a request-termination on that consumer,
-- or by the groups that acl asks for. A consumer that is only named may be any of those that are refused.
local function is_closed(review, anonymous, plugins)
  return plugins.acl ~= nil or review.standing:refuses(anonymous)
         or not anonymous:find("^" .. entities.ID .. "$") and review.standing:refuses_somebody()
end


local function authenticates(review, plugin, plugins)
  local anonymous = type(plugin.config) == "table" and plugin.config.anonymous
  return guards.role(plugin.name) == "authenticates"
         and (type(anonymous) ~= "string" or anonymous == "" or is_closed(review, anonymous, plugins))
end


-- Tells whether a route has authentication; nil where that cannot be said, or does not matter.
local function has_authentication(review, route)
  local plugins = review.standing:on(route)
  if not review:is_live(route) or not id_of(route.service) and not standing.is_answered(plugins) then
    return nil
  end

  local has = false
  for name, plugin in pairs(plugins) do
    local role = guards.role(name)
    if role == "closes" then
      return nil
    elseif authenticates(review, plugin, plugins) then
      return true
    elseif role == nil then
      has = nil
    end
  end

  return has
end


local function count(groups, key, has)
  groups[key] = groups[key] or { all = 0, authenticated = 0 }
  groups[key].all = groups[key].all + 1
  groups[key].authenticated = groups[key].authenticated + (has and 1 or 0)
end


-- Compares a route without authentication to a group that it is in. Returns the comparison; and whether
-- the group is large enough for one.
local function compare(group, least)
  local others = group.all - 1
  if others < least then
    return nil, false
  end

  return group.authenticated / others >= MOST_RATIO
         and { authenticated = group.authenticated, others = others } or nil, true
end


local function add(review, route, compared, where, service_name)
  compared.with = where
  local finding = review:add("unauthenticated", "route", route, ("has no authentication; %d of the %d other routes of %s have"):format(
    compared.authenticated, compared.others, service_name and "service " .. service_name or "the gateway"))
  if finding then
    finding.compared = compared
  end
end


function _M.find(review)
  local services, workspaces, open = {}, {}, {}
  for _, route in ipairs(review.entities.routes) do
    local has = has_authentication(review, route)
    if has ~= nil then
      count(workspaces, route.ws_id, has)
      count(services, id_of(route.service) or "", has)
      if not has then
        open[#open + 1] = route
      end
    end
  end

  for _, route in ipairs(open) do
    local service = review.services[id_of(route.service) or ""]
    local compared, enough
    if service then
      compared, enough = compare(services[service.id], LEAST_OF_SERVICE)
    end
    if compared then
      add(review, route, compared, "service", review.name_of(service))
    elseif not enough then
      compared = compare(workspaces[route.ws_id], LEAST_OF_GATEWAY)
      if compared then
        add(review, route, compared, "gateway")
      end
    end
  end
end


return _M
