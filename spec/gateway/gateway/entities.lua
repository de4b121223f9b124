-- The entities that the gateway keeps, in Kong's schema language: services, routes,
-- consumers, their key-auth credentials and groups, and plugins.


local typedefs = require "kong.db.schema.typedefs"


local null = ngx.null


local HTTP_CONDITIONS = { "methods", "hosts", "headers", "paths" }


local function foreign(reference)
  return { type = "foreign", reference = reference }
end


local services = {
  fields = {
    { id = typedefs.uuid },
    { created_at = typedefs.auto_timestamp_s },
    { updated_at = typedefs.auto_timestamp_s },
    { name = typedefs.utf8_name },
    { retries = { type = "integer", default = 5, between = { 0, 32767 } } },
    { protocol = { type = "string", required = true, default = "http", one_of = { "http", "https" } } },
    { host = { type = "string", required = true } },
    { port = { type = "integer", required = true, default = 80, between = { 0, 65535 } } },
    { path = typedefs.path },
    { connect_timeout = { type = "integer", default = 60000, between = { 1, 2147483646 } } },
    { write_timeout = { type = "integer", default = 60000, between = { 1, 2147483646 } } },
    { read_timeout = { type = "integer", default = 60000, between = { 1, 2147483646 } } },
    { tags = typedefs.tags },
    { enabled = { type = "boolean", required = true, default = true } },
  },
}


-- A route needs a condition for the protocols it serves.
local function check_conditions(route)
  for _, name in ipairs(HTTP_CONDITIONS) do
    local value = route[name]
    if type(value) == "table" and next(value) ~= nil then
      return true
    end
  end

  for _, protocol in ipairs(route.protocols) do
    if protocol == "https" then
      return nil, "must set one of 'methods', 'hosts', 'headers', 'paths', 'snis' when 'protocols' is 'https'"
    end
  end

  return nil, "must set one of 'methods', 'hosts', 'headers', 'paths' when 'protocols' is 'http'"
end


local routes = {
  fields = {
    { id = typedefs.uuid },
    { created_at = typedefs.auto_timestamp_s },
    { updated_at = typedefs.auto_timestamp_s },
    { name = typedefs.utf8_name },
    { protocols = { type = "set", required = true, default = { "http", "https" },
                    elements = { type = "string", one_of = { "http", "https" } } } },
    { https_redirect_status_code = { type = "integer", required = true, default = 426,
                                     one_of = { 426, 301, 302, 307, 308 } } },
    { strip_path = { type = "boolean", required = true, default = true } },
    { preserve_host = { type = "boolean", required = true, default = false } },
    { request_buffering = { type = "boolean", required = true, default = true } },
    { response_buffering = { type = "boolean", required = true, default = true } },
    { tags = typedefs.tags },
    { service = foreign("services") },
    { methods = { type = "set", elements = typedefs.http_method } },
    { hosts = { type = "array", elements = { type = "string" } } },
    { paths = { type = "array", elements = { type = "string", match = "^[~/]",
                                             err = "should start with: / (fixed path) or ~/ (regex path)" } } },
    { headers = { type = "map", keys = { type = "string" },
                  values = { type = "array", elements = { type = "string" } } } },
    { regex_priority = { type = "integer", default = 0 } },
    { path_handling = { type = "string", default = "v0", one_of = { "v0", "v1" } } },
  },
  entity_checks = {
    { custom_entity_check = { field_sources = { "protocols", "methods", "hosts", "headers", "paths" },
                              fn = check_conditions } },
  },
}


local consumers = {
  fields = {
    { id = typedefs.uuid },
    { created_at = typedefs.auto_timestamp_s },
    { updated_at = typedefs.auto_timestamp_s },
    { username = { type = "string" } },
    { custom_id = { type = "string" } },
    { tags = typedefs.tags },
  },
  entity_checks = {
    { at_least_one_of = { "custom_id", "username" } },
  },
}


local keyauth_credentials = {
  fields = {
    { id = typedefs.uuid },
    { created_at = typedefs.auto_timestamp_s },
    { consumer = { type = "foreign", reference = "consumers", required = true } },
    { key = { type = "string", auto = true } },
    { tags = typedefs.tags },
  },
}


local acls = {
  fields = {
    { id = typedefs.uuid },
    { created_at = typedefs.auto_timestamp_s },
    { consumer = { type = "foreign", reference = "consumers", required = true } },
    { group = { type = "string", required = true } },
    { tags = typedefs.tags },
  },
}


local PLUGIN_FIELDS = {
  { id = typedefs.uuid },
  { name = { type = "string", required = true } },
  { instance_name = typedefs.utf8_name },
  { created_at = typedefs.auto_timestamp_s },
  { updated_at = typedefs.auto_timestamp_s },
  { route = foreign("routes") },
  { service = foreign("services") },
  { consumer = foreign("consumers") },
  { config = { type = "record", abstract = true } },
  { protocols = typedefs.protocols },
  { enabled = { type = "boolean", required = true, default = true } },
  { tags = typedefs.tags },
}


local LISTS = { "services", "routes", "consumers", "keyauth_credentials", "acls", "plugins" }

-- Which lists may be written inside an item of another list, and the field that then points back.
local CHILDREN = {
  services = { routes = "service", plugins = "service" },
  routes = { plugins = "route" },
  consumers = { plugins = "consumer", keyauth_credentials = "consumer", acls = "consumer" },
}

local FOREIGN = {
  routes = { service = "services" },
  keyauth_credentials = { consumer = "consumers" },
  acls = { consumer = "consumers" },
  plugins = { route = "routes", service = "services", consumer = "consumers" },
}


local definitions = {
  services = services,
  routes = routes,
  consumers = consumers,
  keyauth_credentials = keyauth_credentials,
  acls = acls,
}

local plugin_definitions = {}


-- Records in records are required unless they say otherwise, so that they show their whole
-- structure; Kong does this to every plugin's schema.
local function make_records_required(definition)
  for _, entry in ipairs(definition.fields) do
    local _, field = next(entry)
    if field.type == "record" then
      if field.required == nil then
        field.required = true
      end
      make_records_required(field)
    end
  end
end


-- Makes the definition of one plugin's entity from its schema.lua.
local function add_plugin(name, schema)
  make_records_required(schema)

  local own = {}
  for _, entry in ipairs(schema.fields) do
    local field_name, field = next(entry)
    own[field_name] = field
  end

  local fields = {}
  for i, entry in ipairs(PLUGIN_FIELDS) do
    local field_name, field = next(entry)
    fields[i] = { [field_name] = own[field_name] or field }
  end

  plugin_definitions[name] = {
    fields = fields,
    entity_checks = schema.entity_checks,
    no_consumer = own.consumer ~= nil and own.consumer.eq == null,
    no_route = own.route ~= nil and own.route.eq == null,
    no_service = own.service ~= nil and own.service.eq == null,
  }
end


-- The definition for an item, or nil and errors by field.
local function definition_of(list, item)
  if list ~= "plugins" then
    return definitions[list]
  end

  if item.name == nil or item.name == null then
    return nil, { name = "required field missing" }
  end

  local definition = plugin_definitions[item.name]
  if not definition then
    return nil, {
      name = "plugin '" .. tostring(item.name)
        .. "' not enabled; add it to the 'plugins' configuration property",
    }
  end

  return definition
end


return {
  LISTS = LISTS,
  CHILDREN = CHILDREN,
  FOREIGN = FOREIGN,
  ENDPOINT_KEYS = {
    services = "name", routes = "name", consumers = "username",
    keyauth_credentials = "key", acls = "id", plugins = "instance_name",
  },
  add_plugin = add_plugin,
  definition_of = definition_of,
}
