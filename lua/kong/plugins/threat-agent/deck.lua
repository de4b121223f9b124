-- An action's changes as a decK file, for whoever keeps the configuration in a repository: applied
-- by `deck gateway sync` there, instead of behind its back.

local lyaml = require "lyaml"


local pairs = pairs
local type = type


local _M = {}


-- decK names what an entity belongs to; nulls are left out.
local function plain(value)
  if type(value) ~= "table" then
    return value
  end

  local copy = {}
  for name, field in pairs(value) do
    if field ~= ngx.null then
      copy[name] = plain(field)
    end
  end

  return copy
end


local function entity_of(change)
  local entity = plain(change.op == "create" and change.entity or change.set)
  entity.id = change.id
  for _, scope in ipairs({ "route", "service", "consumer" }) do
    if type(entity[scope]) == "table" then
      entity[scope] = entity[scope].id
    end
  end

  return entity
end


-- Renders a record's changes. A patched entity is written with its id and the changed fields only: to
-- be merged into the one that stands in the repository.
function _M.render(record)
  local document = { _format_version = "3.0" }
  for _, change in ipairs(record.changes or {}) do
    if change.kind then
      document[change.kind] = document[change.kind] or {}
      table.insert(document[change.kind], entity_of(change))
    end
  end

  return "# " .. record.id .. " " .. record.action .. ": " .. record.title .. "\n" .. lyaml.dump({ document })
end


return _M
