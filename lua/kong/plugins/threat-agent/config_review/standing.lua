-- Which plugins stand on a route: its own, its service's, and those of the whole gateway, the narrowest
-- instance of each name, as Kong picks them.

local guards = require "kong.plugins.threat-agent.guards"


local ipairs = ipairs
local pairs = pairs
local type = type


local _M = {}


local Standing = {}
Standing.__index = Standing


-- The id that an entity refers to; nil where it refers to none.
local function id_of(reference)
  return type(reference) == "table" and reference.id or nil
end

_M.id_of = id_of


-- Whether one of a route's plugins may answer in a service's place.
function _M.is_answered(plugins)
  for name in pairs(plugins) do
    local role = guards.role(name)
    if role == nil or role == "answers" or role == "closes" then
      return true
    end
  end

  return false
end


local function add(lists, key, plugin)
  lists[key] = lists[key] or {}
  table.insert(lists[key], plugin)
end


local function place(self, plugin)
  local consumer, route, service = id_of(plugin.consumer), id_of(plugin.route), id_of(plugin.service)
  if consumer then
    self.refused_consumers[consumer] = self.refused_consumers[consumer] or plugin.name == "request-termination"
  elseif route then
    add(self.routes, route, plugin)
  elseif service then
    add(self.services, service, plugin)
  else
    add(self.everywhere, plugin.ws_id, plugin)
  end
end


-- plugins: as Kong hands them out, each with ws_id.
function _M.new(plugins)
  local self = setmetatable({ everywhere = {}, services = {}, routes = {}, refused_consumers = {} }, Standing)
  for _, plugin in ipairs(plugins) do
    -- Those of a group of consumers stand on no route for everybody.
    if plugin.enabled ~= false and not id_of(plugin.consumer_group) then
      place(self, plugin)
    end
  end

  return self
end


-- Finds the plugins of a route: name → plugin.
function Standing:on(route)
  local service = id_of(route.service)
  local found = {}
  for _, list in ipairs({ self.everywhere[route.ws_id] or {}, self.services[service or ""] or {},
                          self.routes[route.id] or {} }) do
    for _, plugin in ipairs(list) do
      local its_service = id_of(plugin.service)
      if its_service == nil or its_service == service then
        found[plugin.name] = plugin
      end
    end
  end

  return found
end


-- Whether a consumer, given by id, is refused wherever it comes.
function Standing:refuses(consumer)
  return self.refused_consumers[consumer] == true
end


-- Whether any consumer is refused wherever it comes.
function Standing:refuses_somebody()
  for _, refused in pairs(self.refused_consumers) do
    if refused then
      return true
    end
  end

  return false
end


return _M
