-- Reading and writing single entities, with the results and errors of Kong's Admin API.
-- Each function gives a value, or nil and { status, body }.


local entities = require "gateway.entities"
local entity = require "gateway.entity"
local errors = require "gateway.errors"
local json = require "gateway.json"
local schema = require "gateway.schema"
local store = require "gateway.store"
local uuid = require "gateway.uuid"


local null = ngx.null
local fmt = string.format


local NOT_FOUND = { status = 404, body = { message = "Not found" } }
local PLUGIN_KEY = { "consumer", "name", "route", "service" }


local function refuse(status, body)
  return nil, { status = status, body = body }
end


-- An entity as the Admin API shows it: every field, empty lists as lists.
local function present(list, item)
  return schema.fill(entities.definition_of(list, item), item)
end


local function has_tags(item, tags)
  local own = {}
  for _, tag in ipairs(item.tags ~= null and item.tags or {}) do
    own[tag] = true
  end

  for _, tag in ipairs(tags) do
    if not own[tag] then
      return false
    end
  end

  return true
end


local function split(text, separator)
  local parts = {}
  for part in text:gmatch("[^" .. separator .. "]+") do
    parts[#parts + 1] = part
  end

  return parts
end


-- All entities of a list that point to parent { field, id } and have all tags ("a,b").
local function page(list, parent, tags)
  local wanted = tags and split(tags, ",") or {}
  local data = setmetatable({}, json.array_mt)
  for _, item in ipairs(store.load()[list]) do
    local reference = parent and item[parent.field]
    local belongs = not parent or (type(reference) == "table" and reference.id == parent.id)
    if belongs and has_tags(item, wanted) then
      data[#data + 1] = present(list, item)
    end
  end

  return { data = data, next = null }
end


local function get(list, key)
  local item = entity.find(store.load(), list, key)
  if not item then
    return nil, NOT_FOUND
  end

  return present(list, item)
end


local function reference_text(value)
  if value == nil or value == null then
    return "null"
  end

  return type(value) == "table" and fmt('{id="%s"}', value.id) or fmt('"%s"', value)
end


local function same_reference(a, b)
  local a_id = type(a) == "table" and a.id or a
  local b_id = type(b) == "table" and b.id or b
  return (a_id or null) == (b_id or null)
end


local function unique_violation(fields)
  local said = {}
  for _, name in ipairs(fields.names) do
    said[#said + 1] = name .. "=" .. reference_text(fields.values[name])
  end

  local shown = {}
  for _, name in ipairs(fields.names) do
    shown[name] = fields.values[name] or null
  end

  return refuse(409, errors.new("unique constraint violation",
                                "UNIQUE violation detected on '{" .. table.concat(said, ",") .. "}'", shown))
end


-- Refuses a second entity under the same unique key. Gives nothing when there is none.
local function check_unique(db, list, item)
  local endpoint_key = entities.ENDPOINT_KEYS[list]
  for _, other in ipairs(db[list]) do
    if other.id ~= item.id then
      local key = item[endpoint_key]
      if key ~= nil and key ~= null and other[endpoint_key] == key then
        return unique_violation({ names = { endpoint_key }, values = item })
      end

      if list == "plugins" then
        local same = true
        for _, name in ipairs(PLUGIN_KEY) do
          same = same and same_reference(item[name], other[name])
        end
        if same then
          return unique_violation({ names = PLUGIN_KEY, values = item })
        end
      end
    end
  end
end


-- Completes an entity and puts it at its place in the list.
local function put(db, list, item)
  if list == "services" then
    entity.expand_url(item)
  end

  local unresolved = entity.resolve_foreign(db, list, item)
  if unresolved then
    local field = next(unresolved)
    return refuse(400, errors.new("foreign key violation",
      fmt("the foreign key '%s' does not reference an existing '%s' entity.",
          reference_text(item[field]), entities.FOREIGN[list][field]), { [field] = item[field] }))
  end

  local complete, invalid = entity.complete(list, item)
  if not complete then
    return refuse(400, errors.schema_violation(invalid))
  end

  local _, conflict = check_unique(db, list, complete)
  if conflict then
    return nil, conflict
  end

  local _, index = entity.find(db, list, complete.id)
  db[list][index or #db[list] + 1] = complete
  return present(list, complete)
end


-- Checks an entity as `insert` would, and keeps nothing.
local function validate(list, item)
  local complete, invalid = entity.complete(list, item)
  if not complete then
    return refuse(400, errors.schema_violation(invalid))
  end

  return { message = "schema validation successful" }
end


local function insert(list, item)
  return store.update(function(db)
    return put(db, list, item)
  end)
end


local function update(list, key, changes)
  return store.update(function(db)
    local item = entity.find(db, list, key)
    if not item then
      local field = uuid.is_valid(key) and "id" or entities.ENDPOINT_KEYS[list]
      return refuse(404, errors.new("not found", fmt("could not find the entity with '{%s=\"%s\"}'", field, key),
                                    { [field] = key }))
    end

    local definition, invalid = entities.definition_of(list, item)
    if not definition then
      return refuse(400, errors.schema_violation(invalid))
    end

    local merged = schema.merge(definition, changes, item)
    merged.id = item.id
    merged.updated_at = ngx.time()
    return put(db, list, merged)
  end)
end


local function upsert(list, key, item)
  return store.update(function(db)
    local existing = entity.find(db, list, key)
    item.id = existing and existing.id or uuid.is_valid(key) and key or nil
    item.created_at = existing and existing.created_at or item.created_at
    if not existing and not item.id then
      item[entities.ENDPOINT_KEYS[list]] = key
    end
    return put(db, list, item)
  end)
end


local function points_to(list, item, target, id)
  for field, reference in pairs(entities.FOREIGN[list] or {}) do
    if reference == target and type(item[field]) == "table" and item[field].id == id then
      return true
    end
  end

  return false
end


-- Deletes an entity and what hangs on it; a service that has routes stays.
local function delete(list, key)
  return store.update(function(db)
    local item, index = entity.find(db, list, key)
    if not item then
      return true
    end

    if list == "services" then
      for _, route in ipairs(db.routes) do
        if points_to("routes", route, "services", item.id) then
          return refuse(400, errors.new("foreign key violation",
                                        "an existing 'routes' entity references this 'services' entity",
                                        { ["@referenced_by"] = "routes" }))
        end
      end
    end

    table.remove(db[list], index)
    for _, dependent in ipairs({ "plugins", "keyauth_credentials" }) do
      for i = #db[dependent], 1, -1 do
        if points_to(dependent, db[dependent][i], list, item.id) then
          table.remove(db[dependent], i)
        end
      end
    end

    return true
  end)
end


return {
  page = page,
  get = get,
  insert = insert,
  update = update,
  upsert = upsert,
  delete = delete,
  present = present,
  validate = validate,
}
