-- Reads Kong's declarative format (`_format_version: "3.0"`, YAML or JSON) into flat
-- lists of valid entities, and writes it back.


local entities = require "gateway.entities"
local entity = require "gateway.entity"
local json = require "gateway.json"
local lyaml = require "lyaml"


local null = ngx.null
local FORMAT_VERSIONS = { ["1.1"] = true, ["2.1"] = true, ["3.0"] = true }
local META = { _format_version = true, _transform = true, _info = true, _comment = true, _workspace = true }


local function replace_yaml_nulls(value)
  if value == lyaml.null then
    return null
  end

  if type(value) == "table" then
    for key, item in pairs(value) do
      value[key] = replace_yaml_nulls(item)
    end
  end

  return value
end


-- Decodes YAML or JSON text to a table, or nil and an error.
local function decode(text)
  local document = json.decode(text)
  if type(document) == "table" then
    return document
  end

  local ok, value = pcall(lyaml.load, text)
  if not ok then
    return nil, "failed parsing declarative configuration: " .. tostring(value)
  end
  if type(value) ~= "table" then
    return nil, "expected an object"
  end

  return replace_yaml_nulls(value)
end


local function set_at(errors, path, value)
  for i = 1, #path - 1 do
    local step = path[i]
    errors[step] = errors[step] or {}
    errors = errors[step]
  end

  errors[path[#path]] = value
end


local function append(path, ...)
  local longer = {}
  for i, step in ipairs(path) do
    longer[i] = step
  end
  for _, step in ipairs({ ... }) do
    longer[#longer + 1] = step
  end

  return longer
end


-- Lifts nested lists to the top: entries of { list, item, path, parent fields }.
local function collect(list, items, path, parent, out)
  for i, source in ipairs(items) do
    local children = entities.CHILDREN[list] or {}
    local item = {}
    for key, value in pairs(source) do
      if not (children[key] and type(value) == "table") then
        item[key] = value
      end
    end

    if list == "services" then
      entity.expand_url(item)
    end

    local entry = { list = list, item = item, path = append(path, list, i), parent = parent }
    out[#out + 1] = entry

    for child, back in pairs(children) do
      if type(source[child]) == "table" then
        collect(child, source[child], entry.path, { entry = entry, field = back }, out)
      end
    end
  end
end


-- Gives the entries of one list, with ids and resolved references, in db[list].
local function place(db, list, entries, errors)
  for _, entry in ipairs(entries) do
    if entry.list == list then
      local item = entry.item
      if entry.parent then
        item[entry.parent.field] = { id = entry.parent.entry.item.id }
      end

      local unresolved = entity.resolve_foreign(db, list, item)
      if unresolved then
        set_at(errors, entry.path, unresolved)
      end

      entity.ensure_id(list, item)
      local complete, invalid = entity.complete(list, item)
      if invalid then
        set_at(errors, entry.path, invalid)
      else
        table.insert(db[list], complete)
      end
    end
  end
end


-- Gives { services = {...}, routes = {...}, ... }, or nil and errors in the document's shape.
local function flatten(document)
  local errors = {}
  if not FORMAT_VERSIONS[tostring(document._format_version)] then
    errors._format_version = document._format_version == nil and "required field missing"
      or "expected one of: 1.1, 2.1, 3.0"
  end

  local entries, db = {}, {}
  for _, list in ipairs(entities.LISTS) do
    db[list] = {}
    if type(document[list]) == "table" then
      collect(list, document[list], {}, nil, entries)
    end
  end

  for key in pairs(document) do
    if not db[key] and not META[key] then
      errors[key] = "unknown field"
    end
  end

  -- Lists come before the lists that point to them.
  for _, list in ipairs(entities.LISTS) do
    place(db, list, entries, errors)
  end

  if next(errors) then
    return nil, errors
  end

  return db
end


local function without_nulls(value)
  if type(value) ~= "table" then
    return value
  end

  local copy = {}
  for key, item in pairs(value) do
    if item ~= null then
      copy[key] = without_nulls(item)
    end
  end

  return copy
end


-- Writes the entities as `GET /config` gives them: YAML, references as ids.
local function export(db)
  local document = { _format_version = "3.0", _transform = false }
  for _, list in ipairs(entities.LISTS) do
    for i, item in ipairs(db[list]) do
      local copy = without_nulls(item)
      for field in pairs(entities.FOREIGN[list] or {}) do
        copy[field] = copy[field] and copy[field].id
      end
      document[list] = document[list] or {}
      document[list][i] = copy
    end
  end

  return lyaml.dump({ document })
end


return {
  decode = decode,
  flatten = flatten,
  export = export,
}
