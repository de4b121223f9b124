-- Serves a table of routes in the shape of Kong's api.lua files:
-- `{ ["/path/:name"] = { GET = function(self, db, helpers) ... end } }`.


local json = require "gateway.json"


local NEEDS_BODY = { POST = true, PUT = true, PATCH = true }


-- Adds routes to a list of compiled ones; fixed paths come before those with names in them.
local function mount(compiled, routes)
  for path, route in pairs(routes) do
    if type(route) == "table" then
      local names = {}
      local pattern = path:gsub("[%-%.%+]", "%%%0"):gsub(":([%w_]+)", function(name)
        names[#names + 1] = name
        return "([^/]+)"
      end):gsub("%*", function()
        names[#names + 1] = "splat"
        return "(.*)"
      end)
      table.insert(compiled, { pattern = "^" .. pattern .. "/?$", names = names, methods = route.methods or route })
    end
  end

  table.sort(compiled, function(a, b)
    if #a.names ~= #b.names then
      return #a.names < #b.names
    end
    return a.pattern < b.pattern
  end)
end


local function find(compiled, path)
  for _, route in ipairs(compiled) do
    local captures = { path:match(route.pattern) }
    if captures[1] then
      local params = {}
      for i, name in ipairs(route.names) do
        params[name] = captures[i]
      end
      return route, params
    end
  end
end


-- Reads the body into self.json; answers itself when it cannot.
local function read_body(self)
  local body = kong.request.get_raw_body(0)
  self.body = body
  if body == "" then
    return {}
  end

  local content_type = ngx.var.content_type or ""
  if content_type:find("application/json", 1, true) then
    self.json = json.decode(body)
    if type(self.json) ~= "table" then
      return kong.response.exit(400, { message = "Cannot parse JSON body" })
    end
    return self.json
  end

  if content_type:find("yaml", 1, true) then
    return {}
  end

  return kong.response.exit(415)
end


-- Answers the request from the compiled routes.
local function serve(compiled)
  ngx.ctx.KONG_PHASE = "admin_api"
  ngx.ctx.KONG_PROCESSING_START = ngx.req.start_time() * 1000
  ngx.header["Access-Control-Allow-Origin"] = ngx.req.get_headers()["Origin"] or "*"
  ngx.header["Server"] = "kong/" .. kong.version

  -- As in Kong, what stands in the path stays percent-encoded.
  local path = ngx.var.request_uri:match("^[^?]*")
  local route, params = find(compiled, path)
  if not route then
    return kong.response.exit(404, { message = "Not found" })
  end

  local method = ngx.req.get_method()
  local handler = route.methods[method] or (method == "HEAD" and route.methods.GET)
  if not handler then
    return kong.response.exit(405, { message = "Method not allowed" })
  end

  local query = ngx.req.get_uri_args()
  local self = {
    params = params,
    req = {
      method = method,
      headers = ngx.req.get_headers(),
      params_get = query,
      parsed_url = { path = path },
    },
  }
  local post = NEEDS_BODY[method] and read_body(self) or {}
  self.args = { uri = query, post = post }
  for _, source in ipairs({ query, post }) do
    for name, value in pairs(source) do
      if params[name] == nil then
        params[name] = value
      end
    end
  end

  local ok, err = xpcall(handler, debug.traceback, self, kong.db, {})
  if not ok then
    kong.log.err(err)
    return kong.response.exit(500, { message = "An unexpected error occurred" })
  end
end


-- The routes of a plugin's module, or nothing when it has none. Raises when it does not load.
local function plugin_routes(name, module)
  local path = "kong.plugins." .. name .. "." .. module
  if not package.searchpath(path, package.path) then
    return {}
  end

  return require(path)
end


return {
  mount = mount,
  serve = serve,
  plugin_routes = plugin_routes,
}
