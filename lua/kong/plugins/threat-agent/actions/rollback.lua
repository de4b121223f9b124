-- Takes back the configuration change that an incident began after, field by field.
--
-- By itself only where the policy says so, and never what authenticates, limits, refuses or secures: an attacker
-- who can provoke errors must not get such a change undone.

local entities = require "kong.plugins.threat-agent.entities"
local guards = require "kong.plugins.threat-agent.guards"
local snapshots = require "kong.plugins.threat-agent.snapshots"


-- A change explains what began at most so long after it. Units: seconds.
local EXPLAINS_S = 180
-- A larger change is a person's to take back.
local MOST = 10

local _M = {}


local function is_guard(change)
  if change.kind == "plugins" then
    return guards.is_guard((change.after or change.before).name)
  end

  return change.before ~= nil and change.after ~= nil and guards.loosens(change.kind, change.before, change.after)
end


local function is_own(change)
  return change.own or entities.is_tagged(change.after or change.before, "threat-agent")
end


-- Whether the place's service goes to an upstream.
local function goes_to(place, upstream)
  local service = snapshots.entity("services", place.service)
  return service ~= nil and upstream ~= nil and service.host == upstream.name
end


-- Whether a change is about the incident's route or service, or about all traffic.
local function touches(change, place)
  local entity = change.after or change.before
  if change.kind == "services" then
    return entity.id == place.service
  elseif change.kind == "routes" then
    return entity.id == place.route
  elseif change.kind == "plugins" then
    local route, service = entity.route and entity.route.id, entity.service and entity.service.id
    return (not route or route == place.route) and (not service or service == place.service)
  elseif change.kind == "upstreams" then
    return goes_to(place, entity)
  end

  return goes_to(place, snapshots.entity("upstreams", entity.upstream.id))
end


local function inverse(change)
  local tags = (change.after or change.before).tags
  if not change.before then
    -- A plugin that is new: what else is new cannot be made undone by a field.
    return { op = "patch", kind = "plugins", id = change.id, tags = tags, set = { enabled = false },
             before = { enabled = true } }
  elseif not change.after then
    return { op = "create", kind = change.kind, id = change.id, tags = tags, entity = change.before, restored = true }
  end

  local set, before = entities.difference(change.before, change.after)
  return { op = "patch", kind = change.kind, id = change.id, tags = tags, set = set, before = before }
end


-- Targets are reached by their upstream.
local function set_kinds(changes, found, client)
  for i, change in ipairs(found) do
    if change.kind == "targets" then
      local api, err, passes = client()
      if not api then
        return nil, err, passes
      end
      local entity = change.after or change.before
      changes[i].kind, changes[i].upstream = api:targets_kind(entity.upstream.id), entity.upstream.id
    end
  end

  return true
end


function _M.plan(record, incident, _, client)
  local found, guarding = {}, 0
  for _, change in ipairs(snapshots.since(incident.opened_s - EXPLAINS_S)) do
    if change.wall_s <= incident.opened_s + 5 and touches(change, record.place) and not is_own(change) then
      if is_guard(change) then
        guarding = guarding + 1
      elseif change.before or change.kind == "plugins" then
        -- The latest first: that is the order to undo them in.
        table.insert(found, 1, change)
      end
    end
  end

  if #found == 0 then
    return nil, guarding > 0 and "what changed guards the gateway: a person has to take it back"
                or "no change before it explains it"
  elseif #found > MOST then
    return nil, "more than " .. MOST .. " entities changed: a person has to take that back"
  end

  local changes = {}
  for i, change in ipairs(found) do
    changes[i] = inverse(change)
  end
  local ok, err, passes = set_kinds(changes, found, client)
  if not ok then
    return nil, err, passes
  end

  record.changes = changes
  return true
end


return _M
