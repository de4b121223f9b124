-- Takes back the configuration changes that an incident began after, field by field; by itself only where the policy
-- says so.

local entities = require "kong.plugins.threat-agent.entities"
local find_offending = require "kong.plugins.threat-agent.actions.offending"


local _M = {}


local function inverse(change)
  local tags = (change.after or change.before).tags
  if not change.before then
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
  local found, why = find_offending(incident, record.place)
  if not found then
    return nil, why
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
