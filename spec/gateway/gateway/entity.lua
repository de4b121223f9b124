-- One entity at a time: references by name to ids, shorthands, defaults, validation.


local entities = require "gateway.entities"
local schema = require "gateway.schema"
local uuid = require "gateway.uuid"


local null = ngx.null
local DEFAULT_PORTS = { http = 80, https = 443 }


-- Kong's `url` shorthand of services.
local function expand_url(service)
  local url = service.url
  if type(url) ~= "string" then
    return
  end

  local protocol, authority, path = url:match("^(%a+)://([^/?#]+)([^?#]*)")
  if not protocol then
    return
  end

  local host, port = authority:match("^(.-):(%d+)$")
  service.url = nil
  service.protocol = protocol
  service.host = host or authority
  service.port = tonumber(port) or DEFAULT_PORTS[protocol]
  if path ~= "" then
    service.path = path
  end
end


-- Finds an item of a list by id or by its endpoint key.
local function find(db, list, key)
  local endpoint_key = entities.ENDPOINT_KEYS[list]
  for i, item in ipairs(db[list]) do
    if item.id == key or (item[endpoint_key] == key and key ~= nil and key ~= null) then
      return item, i
    end
  end
end


-- Turns each reference ("name", {id} or {name}) into {id}. Gives errors by field, or nil.
local function resolve_foreign(db, list, item)
  local errors
  for field, target in pairs(entities.FOREIGN[list] or {}) do
    local reference = item[field]
    if reference ~= nil and reference ~= null then
      local key = reference
      if type(reference) == "table" then
        key = reference.id or reference.name or reference.username
      end

      local found = find(db, target, key)
      if found then
        item[field] = { id = found.id }
      else
        errors = errors or {}
        errors[field] = { id = "missing entity: " .. tostring(key) }
      end
    end
  end

  return errors
end


-- The name from which an entity without an id gets one, or nil.
local function natural_key(list, item)
  if list == "plugins" then
    local parts = { "plugins", tostring(item.name) }
    for _, field in ipairs({ "route", "service", "consumer" }) do
      local reference = item[field]
      parts[#parts + 1] = type(reference) == "table" and reference.id or ""
    end
    return table.concat(parts, ":")
  end

  local key = item[entities.ENDPOINT_KEYS[list]]
  return type(key) == "string" and list .. ":" .. key or nil
end


local function ensure_id(list, item)
  if item.id == nil then
    local key = natural_key(list, item)
    item.id = key and uuid.from_name(key) or uuid.random()
  end
end


-- Gives the complete, valid entity, or nil and errors by field.
local function complete(list, item)
  local definition, errors = entities.definition_of(list, item)
  if not definition then
    return nil, errors
  end

  local filled = schema.fill(definition, item)
  errors = schema.validate(definition, filled)
  if errors then
    return nil, errors
  end

  return filled
end


return {
  expand_url = expand_url,
  find = find,
  resolve_foreign = resolve_foreign,
  ensure_id = ensure_id,
  complete = complete,
}
