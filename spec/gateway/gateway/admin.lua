-- The Admin API: the node, the entities one by one, the whole configuration at once, and
-- the routes of the plugins' api.lua files. Bodies are JSON; /config takes YAML as well.


local crud = require "gateway.crud"
local declarative = require "gateway.declarative"
local entities = require "gateway.entities"
local errors = require "gateway.errors"
local http_api = require "gateway.http_api"
local node_info = require "gateway.node_info"
local plugins = require "gateway.plugins"
local store = require "gateway.store"


local unescape = ngx.unescape_uri


local PATHS = {
  services = "/services",
  routes = "/routes",
  consumers = "/consumers",
  plugins = "/plugins",
  keyauth_credentials = "/key-auths",
  acls = "/acls",
}

local NESTED = {
  { list = "plugins", under = "services", field = "service", path = "plugins" },
  { list = "plugins", under = "routes", field = "route", path = "plugins" },
  { list = "plugins", under = "consumers", field = "consumer", path = "plugins" },
  { list = "routes", under = "services", field = "service", path = "routes" },
  { list = "keyauth_credentials", under = "consumers", field = "consumer", path = "key-auth" },
}


local function answer(status, value, err)
  if value == nil then
    if type(err) ~= "table" then
      kong.log.err(err)
      return kong.response.exit(500, { message = "An unexpected error occurred" })
    end
    return kong.response.exit(err.status, err.body)
  end

  return kong.response.exit(status, value)
end


local function add_entity_routes(routes, list)
  routes[PATHS[list]] = {
    GET = function(self)
      return answer(200, crud.page(list, nil, self.args.uri.tags))
    end,
    POST = function(self)
      return answer(201, crud.insert(list, self.args.post))
    end,
  }

  routes[PATHS[list] .. "/:key"] = {
    GET = function(self)
      return answer(200, crud.get(list, unescape(self.params.key)))
    end,
    PATCH = function(self)
      return answer(200, crud.update(list, unescape(self.params.key), self.args.post))
    end,
    PUT = function(self)
      return answer(200, crud.upsert(list, unescape(self.params.key), self.args.post))
    end,
    DELETE = function(self)
      local deleted, err = crud.delete(list, unescape(self.params.key))
      if not deleted then
        return answer(204, nil, err)
      end
      return kong.response.exit(204)
    end,
  }
end


local function add_nested_routes(routes, nested)
  routes[PATHS[nested.under] .. "/:parent/" .. nested.path] = {
    GET = function(self)
      local parent, err = crud.get(nested.under, unescape(self.params.parent))
      if not parent then
        return answer(200, nil, err)
      end
      return answer(200, crud.page(nested.list, { field = nested.field, id = parent.id }, self.args.uri.tags))
    end,
    POST = function(self)
      local parent, err = crud.get(nested.under, unescape(self.params.parent))
      if not parent then
        return answer(201, nil, err)
      end
      self.args.post[nested.field] = { id = parent.id }
      return answer(201, crud.insert(nested.list, self.args.post))
    end,
  }
end


-- The posted document and, for one posted as text, its hash. Answers itself when there is none.
local function posted_document(self)
  local post = self.args.post
  if post._format_version then
    post.check_hash = nil
    return post
  end

  local text = post.config or (not self.json and self.body)
  if type(text) ~= "string" or text == "" then
    return kong.response.exit(400, { message = "expected a declarative configuration" })
  end

  local document, err = declarative.decode(text)
  if not document then
    return kong.response.exit(400, errors.declarative_config({ error = err }))
  end

  return document, ngx.md5(text)
end


local function by_id(db)
  local shown = {}
  for list, items in pairs(db) do
    for _, item in ipairs(items) do
      shown[list] = shown[list] or {}
      shown[list][item.id] = crud.present(list, item)
    end
  end

  return shown
end


local function post_config(self)
  local document, hash = posted_document(self)
  if self.args.uri.check_hash == "1" and hash and hash == store.hash() then
    return kong.response.exit(304)
  end

  local db, invalid = declarative.flatten(document)
  if not db then
    return kong.response.exit(400, errors.declarative_config(invalid))
  end

  local version, err = store.save(db, hash)
  return answer(201, version and by_id(db), err)
end


local function core_routes()
  local routes = {
    ["/"] = {
      GET = function()
        return kong.response.exit(200, node_info.describe())
      end,
    },
    ["/status"] = {
      GET = function()
        return kong.response.exit(200, node_info.status())
      end,
    },
    ["/config"] = {
      GET = function()
        return kong.response.exit(200, { config = declarative.export(store.load()) })
      end,
      POST = post_config,
    },
    ["/schemas/plugins/validate"] = {
      POST = function(self)
        return answer(200, crud.validate("plugins", self.args.post))
      end,
    },
  }

  for _, list in ipairs(entities.LISTS) do
    add_entity_routes(routes, list)
  end
  for _, nested in ipairs(NESTED) do
    add_nested_routes(routes, nested)
  end

  return routes
end


local compiled


local function serve()
  if not compiled then
    local routes = {}
    http_api.mount(routes, core_routes())
    for _, plugin in ipairs(plugins.loaded) do
      http_api.mount(routes, http_api.plugin_routes(plugin.name, "api"))
    end
    compiled = routes
  end

  return http_api.serve(compiled)
end


return { serve = serve }
