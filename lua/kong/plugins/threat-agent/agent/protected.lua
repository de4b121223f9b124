-- What no action may touch: clients, consumers, routes and services by the configuration, and what carries a
-- protected tag.

local carrier = require "kong.plugins.threat-agent.agent.carrier"
local database = require "kong.plugins.threat-agent.database"
local owners = require "kong.plugins.threat-agent.owners"
local region = require "kong.plugins.threat-agent.region"
local senders = require "kong.plugins.threat-agent.senders"


local ipairs = ipairs
local tostring = tostring
local type = type


-- Whoever manages an entity with this within a tag would find it changed. Bans and limits in memory change none.
local MANAGED = "managed-by-ingress-controller"


local function contains(list, ...)
  for _, entry in ipairs(list or {}) do
    for _, value in ipairs({ ... }) do
      if entry == value then
        return true
      end
    end
  end

  return false
end


-- Whether a network holds an address, or one of a network, of a list.
local function overlaps(network, cidrs)
  for _, cidr in ipairs(cidrs) do
    if senders.network_of(cidr) == network then
      return true
    end
  end

  return region.is_within(network:match("^[^/]+"), cidrs)
end


-- Whether an address, or another one that counts as the same client, is one of a list.
local function is_one_of(address, cidrs)
  local line = senders.line_of(address)
  for _, cidr in ipairs(line and cidrs or {}) do
    if senders.line_of(cidr) == line then
      return true
    end
  end

  return region.is_within(address, cidrs)
end


-- Names why a sender is protected; nil when it is not.
local function protected_sender(by, id, limits)
  if by == "client_ip" then
    return is_one_of(id, limits.cidrs or {}) and "a client is protected"
  elseif by == "network" then
    return overlaps(id, limits.cidrs or {}) and "a client of the network is protected"
  elseif by == "session" or not limits.consumers or #limits.consumers == 0 then
    return nil
  end

  local consumer, name = owners.of(by, id)
  if not consumer then
    return "consumers are protected, and whose " .. by .. " it is cannot be told"
  end

  return contains(limits.consumers, consumer, name) and "its consumer is protected"
end


-- The protected tag of an entity; nil when it has none. is_changed: whether that or what belongs to it changes.
local function protected_tag(tags, limits, is_changed)
  for _, tag in ipairs(type(tags) == "table" and tags or {}) do
    if contains(limits.tags, tag) or is_changed and tag:find(MANAGED, 1, true) then
      return tag
    end
  end
end


-- Says why an entity that a record names is protected by its tags; nil when it is not.
local function tagged(kind, id, limits, is_changed)
  local is_possible = is_changed or limits.tags and limits.tags[1]
  if not is_possible or not id or id == "" then
    return nil
  end

  local entity, err = database.select(kind, id)
  local tag = entity and protected_tag(entity.tags, limits, is_changed)
  return err and kind .. "/" .. id .. " may be protected by a tag, which cannot be read: " .. err
         or tag and kind .. "/" .. id .. " carries the protected tag " .. tag or nil
end


-- Whether a record changes a whole service, or where that goes.
local function is_for_service(record)
  if record.target == "service" then
    return true
  end

  for _, change in ipairs(record.changes) do
    if change.kind and change.kind ~= "routes" and change.kind ~= "plugins" and change.kind ~= "acls" then
      return true
    end
  end

  return false
end


-- Says why a route of the service that a record changes is protected; nil when none is.
local function protected_beside(record, limits)
  local is_possible = limits.routes and limits.routes[1] or limits.tags and limits.tags[1]
  if not is_possible or record.place.service == "" or not is_for_service(record) then
    return nil
  end

  for route, err in database.each("routes") do
    if not route then
      return "a route of its service may be protected, which cannot be read: " .. tostring(err)
    end

    local is_there = type(route.service) == "table" and route.service.id == record.place.service
    if is_there and (contains(limits.routes, route.id, route.name) or protected_tag(route.tags, limits)) then
      return "the route " .. (type(route.name) == "string" and route.name or route.id) .. " of its service is protected"
    end
  end
end


-- Names the protected thing that a planned record would touch; nil when there is none.
return function(record, limits)
  if contains(limits.routes, record.place.route, record.place.route_name) then
    return "its route is protected"
  elseif contains(limits.services, record.place.service, record.place.service_name) then
    return "its service is protected"
  end

  local is_changed = carrier.is_remote(record)
  for _, change in ipairs(record.changes) do
    local tag = protected_tag(change.tags, limits, true)
    if tag then
      return change.kind .. "/" .. change.id .. " carries the protected tag " .. tag
    end
  end

  -- Nobody is touched by an exemption.
  if record.action == "allow" then
    return nil
  end

  local by = record.by or "client_ip"
  for _, id in ipairs(record.clients or {}) do
    local why = protected_sender(by, id, limits)
    if not why and (by == "consumer" or by == "credential") then
      why = tagged("consumers", owners.of(by, id), limits, is_changed)
    end
    if why then
      return why
    end
  end

  return tagged("routes", record.place.route, limits, is_changed)
         or tagged("services", record.place.service, limits, is_changed)
         or protected_beside(record, limits)
end
