-- Which action changes an entity already. Two that change one could not be told apart when they end: the
-- first would find what the second left, and the second would set back what the first had made.

local journal = require "kong.plugins.threat-agent.agent.journal"
local vocabulary = require "kong.plugins.threat-agent.vocabulary"


local ipairs = ipairs
local type = type


-- What Kong allows one of: a plugin of a name on a scope, a group of a consumer.
local PARTS = { "route", "service", "consumer" }


-- Names what a new entity is, whatever its id.
local function place_of(change)
  local entity = change.op == "create" and change.entity
  if not entity then
    return nil
  end

  local place = change.kind .. "/" .. (entity.name or entity.group or change.id)
  for _, part in ipairs(PARTS) do
    place = place .. "/" .. (type(entity[part]) == "table" and entity[part].id or "")
  end

  return place
end


local function is_of_the_same(a, b)
  local place = place_of(a)
  return a.id ~= nil and a.id == b.id or place ~= nil and place == place_of(b)
end


-- Says which action that stands changes what a planned record would change; nil where none does.
return function(record)
  for _, other in ipairs(journal.all()) do
    local is_in_force = other ~= record and vocabulary.IN_FORCE[other.state]
    for _, theirs in ipairs(is_in_force and other.changes or {}) do
      for _, ours in ipairs(record.changes) do
        if is_of_the_same(ours, theirs) then
          return ours.kind .. "/" .. theirs.id .. " is changed by the action " .. other.id .. " that stands"
        end
      end
    end
  end
end
