-- The configuration changes that an incident began after and that the agent may take back: not what authenticates, limits,
-- refuses or secures, since an attacker who can provoke errors must not get such a change undone.

local entities = require "kong.plugins.threat-agent.entities"
local guards = require "kong.plugins.threat-agent.guards"
local snapshots = require "kong.plugins.threat-agent.snapshots"


local ipairs = ipairs
local pairs = pairs
local type = type


-- A change explains what began at most so long after it. Units: seconds.
local EXPLAINS_S = 180
-- A larger change is a person's to take back.
local MOST = 10

-- What is put back where it is gone. With a route or service its plugins are gone, those that guard it among them.
local RESTORED = { plugins = true, targets = true, upstreams = true }


local function is_own(change)
  return change.own or entities.is_tagged(change.after or change.before, "threat-agent")
end


-- The changes that an incident may have begun after, with what the agent itself changed left out.
local function recent(opened_s)
  local found = {}
  for _, change in ipairs(snapshots.since(opened_s - EXPLAINS_S)) do
    if change.wall_s <= opened_s + 5 and not is_own(change) then
      found[#found + 1] = change
    end
  end

  return found
end


-- What changes came to: for each entity what it was before the first of its own, and has been since the last. So each is
-- set back once, and not to what stood in between. Of what is new and no plugin, which cannot be made undone, what it was
-- at first counts as before.
local function folded(changes)
  local all, by_key = {}, {}
  for _, change in ipairs(changes) do
    local key = change.kind .. "/" .. change.id
    local whole = by_key[key]
    if whole then
      whole.before = whole.before or change.kind ~= "plugins" and whole.after or nil
      whole.after = change.after
    else
      whole = { kind = change.kind, id = change.id, before = change.before, after = change.after }
      by_key[key] = whole
      all[#all + 1] = whole
    end
  end

  return all
end


-- Whether what a change made stands: somebody may have mended it meanwhile, and what is theirs is not the agent's to set
-- back.
local function stands(change)
  local now = snapshots.entity(change.kind, change.id)
  if change.before and change.after then
    return now ~= nil and not entities.holds(now, (entities.difference(change.before, change.after)))
  elseif change.after then
    return now ~= nil and now.enabled ~= false
  end

  return change.before ~= nil and now == nil
end


-- Whether a plugin guards all routes of a service.
local function is_guarded(service)
  for _, plugin in pairs(snapshots.all("plugins")) do
    local is_there = type(plugin.service) == "table" and plugin.service.id == service
    if is_there and not plugin.route and plugin.enabled and guards.is_guard(plugin.name) then
      return true
    end
  end

  return false
end


-- Whether setting a route back would lead it away from a service that is guarded.
local function leaves_guards(change)
  local was, is = change.before.service, change.after.service
  return change.kind == "routes" and is ~= nil and not entities.same(was, is) and is_guarded(is.id)
end


local function is_guard(change)
  if change.kind == "plugins" then
    return guards.is_guard((change.after or change.before).name)
  end

  return change.before ~= nil and change.after ~= nil
         and (guards.loosens(change.kind, change.before, change.after) or leaves_guards(change))
end


-- The upstream of an id, also one that is gone.
local function upstream_of(id, changes)
  for _, change in ipairs(changes) do
    if change.kind == "upstreams" and change.id == id and change.before then
      return change.before
    end
  end

  return snapshots.entity("upstreams", id)
end


-- Whether the place's service goes to an upstream.
local function goes_to(place, upstream)
  local service = snapshots.entity("services", place.service)
  return service ~= nil and upstream ~= nil and service.host == upstream.name
end


-- Whether a change is about the incident's route or service, or about all traffic.
local function touches(change, place, changes)
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

  return goes_to(place, upstream_of(entity.upstream.id, changes))
end


-- Whether the agent knows how to undo a change: what is new and no plugin cannot be made undone by a field.
local function is_known(change)
  if not change.after then
    return RESTORED[change.kind] == true
  end

  return change.before ~= nil or change.kind == "plugins"
end


-- In the order to undo them in: the latest first, but an upstream that is gone before its targets.
local function in_order(changes)
  local upstreams, rest = {}, {}
  for i = #changes, 1, -1 do
    local change = changes[i]
    local into = change.kind == "upstreams" and not change.after and upstreams or rest
    into[#into + 1] = change
  end
  for _, change in ipairs(rest) do
    upstreams[#upstreams + 1] = change
  end

  return upstreams
end


-- Finds the changes, in the order to undo them in: { kind, id, before, after } each. Returns nil and why there are none.
return function(incident, place)
  local changes = folded(recent(incident.opened_s))
  local found, why = {}, "no change before it explains it"
  for _, change in ipairs(changes) do
    if (change.before or change.after) and touches(change, place, changes) and stands(change) then
      if is_guard(change) then
        why = "what changed guards the gateway: a person has to take it back"
      elseif is_known(change) then
        found[#found + 1] = change
      end
    end
  end

  if #found == 0 then
    return nil, why
  elseif #found > MOST then
    return nil, "more than " .. MOST .. " entities changed: a person has to take that back"
  end

  return in_order(found)
end
