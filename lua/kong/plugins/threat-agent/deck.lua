-- An action's changes as a decK file, for whoever keeps the configuration in a repository: applied
-- by `deck gateway sync` there, instead of behind its back.

local lyaml = require "lyaml"


local ipairs = ipairs
local ngx = ngx
local pairs = pairs
local type = type


local SCOPES = { "route", "service", "consumer" }


local _M = {}


-- null: what becomes of one; nil to leave it out.
local function plain(value, null)
  if value == ngx.null then
    return null
  elseif type(value) ~= "table" then
    return value
  end

  local copy = {}
  for name, field in pairs(value) do
    copy[name] = plain(field, null)
  end

  return copy
end


-- Without the time at which the agent would take it away: what is in a repository stays until a person does.
local function lasting(tags)
  local kept = {}
  for _, tag in ipairs(tags) do
    kept[#kept + 1] = not tag:find("^expires:") and tag or nil
  end

  return kept
end


-- A field that is to be unset is written as null.
local function entity_of(change)
  local entity
  if change.op == "create" then
    entity = plain(change.entity)
    entity.tags = entity.tags and lasting(entity.tags)
  elseif change.op == "insert" then
    entity = { config = { [change.option] = { change.value } } }
  else
    entity = plain(change.set, lyaml.null)
  end

  entity.id = change.id
  -- decK names what an entity belongs to.
  for _, scope in ipairs(SCOPES) do
    if type(entity[scope]) == "table" then
      entity[scope] = entity[scope].id
    end
  end

  return entity
end


-- The list of a kind below an entity of another.
local function list_below(document, kind, id, below)
  document[kind] = document[kind] or {}
  for _, entity in ipairs(document[kind]) do
    if entity.id == id then
      entity[below] = entity[below] or {}
      return entity[below]
    end
  end

  local entity = { id = id, [below] = {} }
  table.insert(document[kind], entity)
  return entity[below]
end


-- The list that decK has an entity in: targets below their upstream, and groups below their consumer.
local function list_for(document, change, entity)
  local upstream = change.upstream or change.kind:match("^upstreams/(.+)/targets$")
  if upstream then
    return list_below(document, "upstreams", upstream, "targets")
  elseif change.kind == "acls" then
    local consumer = entity.consumer
    entity.consumer = nil
    return list_below(document, "consumers", consumer, "acls")
  end

  document[change.kind] = document[change.kind] or {}
  return document[change.kind]
end


-- Renders a record's changes. A patched entity is written with its id and the changed fields only: to
-- be merged into the one that stands in the repository. What is inserted is to be added to the list there.
function _M.render(record)
  local document = { _format_version = "3.0" }
  local notes = ""
  for _, change in ipairs(record.changes or {}) do
    if change.kind then
      local entity = entity_of(change)
      table.insert(list_for(document, change, entity), entity)
    end
    if change.op == "insert" then
      notes = notes .. "# config." .. change.option .. " of " .. change.id .. ": to be added to what stands there\n"
    end
  end

  return "# " .. record.id .. " " .. record.action .. ": " .. record.title .. "\n" .. notes .. lyaml.dump({ document })
end


return _M
