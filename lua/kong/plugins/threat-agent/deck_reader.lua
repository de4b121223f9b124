-- Reads decK files: kind → entities, with what each of them refers to.

local yaml = require "kong.plugins.threat-agent.yaml"


local ipairs = ipairs
local pairs = pairs
local type = type


local KINDS = { "services", "routes", "upstreams", "targets", "plugins" }
local NESTED = {
  services = { routes = "service", plugins = "service" },
  routes = { plugins = "route" },
  upstreams = { targets = "upstream" },
}
local REFERENCES = { service = "services", route = "routes", upstream = "upstreams" }
local PORTS = { http = 80, https = 443, grpc = 80, grpcs = 443, tcp = 80, tls = 443, udp = 80 }


-- What decK fills in where it runs, from its environment: `${{ env "DECK_…" }}`.
local UNKNOWN = "${{"


local _M = { KINDS = KINDS, REFERENCES = REFERENCES }


-- Whether a value, or something in it, is not known here.
local function has_unknown(value)
  if type(value) == "string" then
    return value:find(UNKNOWN, 1, true) ~= nil
  elseif type(value) ~= "table" then
    return false
  end

  for name, field in pairs(value) do
    if has_unknown(name) or has_unknown(field) then
      return true
    end
  end
  return false
end

_M.has_unknown = has_unknown


-- A service's shorthand. Of one that cannot be read nothing is known.
local function expand_url(entity)
  local url = entity.url
  entity.url = nil
  if type(url) ~= "string" then
    return
  end

  local protocol, host, port, path = url:match("^(%l+)://([^:/%[]+):?(%d*)(/?.*)$")
  if not protocol or has_unknown(url) then
    protocol, host, port, path = UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN
  end
  entity.protocol, entity.host = protocol, host
  entity.port = tonumber(port) or PORTS[protocol] or UNKNOWN
  entity.path = path ~= "" and path or nil
end


-- Flattens a kind: { entity, refers = { service = { id or name } } } each.
local function flatten(found, kind, list, parent_field, parent)
  for _, entity in ipairs(type(list) == "table" and list or {}) do
    if has_unknown(entity.id) then
      entity.id = nil
    end
    local one = { kind = kind, entity = entity, refers = {}, is_of_consumer = entity.consumer ~= nil }
    entity.consumer = nil
    for nested, field in pairs(NESTED[kind] or {}) do
      flatten(found, nested, entity[nested], field, one)
      entity[nested] = nil
    end
    for field in pairs(REFERENCES) do
      local reference = entity[field]
      one.refers[field] = type(reference) == "string" and { id = reference, name = reference }
                          or type(reference) == "table" and reference or nil
      entity[field] = nil
    end
    if parent then
      one.refers[parent_field] = one.refers[parent_field] or { parent = parent }
    end
    if kind == "services" then
      expand_url(entity)
    end
    found[kind][#found[kind] + 1] = one
  end
end


-- Reads a file's text. Returns kind → entities; nil and what is wrong.
function _M.parse(text)
  local ok, document = pcall(yaml, text)
  if not ok or type(document) ~= "table" or not document._format_version then
    return nil, "expected a decK file with _format_version"
  end

  local found = {}
  for _, kind in ipairs(KINDS) do
    found[kind] = {}
  end
  for _, kind in ipairs(KINDS) do
    flatten(found, kind, document[kind])
  end
  return found
end


return _M
