-- What no action may touch: clients, consumers, routes and services by the configuration, and what carries a
-- protected tag.

local carrier = require "kong.plugins.threat-agent.agent.carrier"
local database = require "kong.plugins.threat-agent.database"
local owners = require "kong.plugins.threat-agent.owners"
local region = require "kong.plugins.threat-agent.region"
local senders = require "kong.plugins.threat-agent.senders"


local ipairs = ipairs
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


-- Names why a sender is protected; nil when it is not.
local function protected_sender(by, id, limits)
  if by == "client_ip" then
    return region.is_within(id, limits.cidrs or {}) and "a client is protected"
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
end
