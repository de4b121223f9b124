-- The entities that a data plane got from its control plane: what is planned from where there is no
-- Admin API. It only reads.

local database = require "kong.plugins.threat-agent.database"


local kong = kong
local type = type


local SCOPE_OF = { routes = "route", services = "service", consumers = "consumer" }


local Replica = {}
Replica.__index = Replica


-- Reads an entity. Returns false when there is none; nil, an error and whether it may pass.
function Replica.get(_, kind, id)
  local entity, err = database.select(kind, id)
  if err then
    return nil, "could not read " .. kind .. ": " .. tostring(err), true
  end

  return entity or false
end


-- Lists the entities of a kind that refer to another.
local function that_refer(kind, field, id)
  local found = {}
  for entity, err in database.each(kind) do
    if err then
      return nil, "could not read " .. kind .. ": " .. tostring(err), true
    elseif type(entity[field]) == "table" and entity[field].id == id then
      found[#found + 1] = entity
    end
  end

  return found
end


function Replica.plugins_of(_, kind, id)
  return that_refer("plugins", SCOPE_OF[kind], id)
end


function Replica.groups_of(_, consumer)
  return kong.db.acls and that_refer("acls", "consumer", consumer) or {}
end


function Replica.targets_of(_, name)
  for upstream, err in database.each("upstreams") do
    if err then
      return nil, "could not read upstreams: " .. tostring(err), true
    elseif upstream.name == name then
      return that_refer("targets", "upstream", upstream.id)
    end
  end

  return false
end


function Replica.targets_kind(_, upstream)
  return "upstreams/" .. upstream .. "/targets"
end


return setmetatable({}, Replica)
