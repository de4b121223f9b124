-- From a path below the route to the page or one of the plugin's views.

local cjson = require "cjson.safe"
local library = require "kong.plugins.threat-agent.library"
local page = require "kong.plugins.threat-agent-dashboard.page"
local views = require "kong.plugins.threat-agent.views"


local kong = kong
local ngx = ngx
local ipairs = ipairs


local MOST_BODY_BYTES = 65536

local _M = {}


-- What goes with every answer: incidents name clients, and are nobody else's.
_M.HEADERS = {
  ["Cache-Control"] = "no-store",
  ["X-Content-Type-Options"] = "nosniff",
  ["Referrer-Policy"] = "no-referrer",
  ["Cross-Origin-Resource-Policy"] = "same-origin",
}


local function with_headers(more)
  local headers = {}
  for name, value in pairs(_M.HEADERS) do
    headers[name] = value
  end
  for name, value in pairs(more or {}) do
    headers[name] = value
  end

  return headers
end


-- Tells what follows the route's own path.
local function path_below()
  local path = kong.request.get_path()
  local route = kong.router.get_route()
  local longest = ""
  for _, prefix in ipairs(type(route.paths) == "table" and route.paths or {}) do
    if #prefix > #longest and path:sub(1, #prefix) == prefix then
      longest = prefix
    end
  end

  local rest = path:sub(#longest + 1)
  return "/" .. rest:gsub("^/+", ""):gsub("/+$", "")
end


-- Reads a JSON body; nil where it is none.
local function read_body()
  local text = kong.request.get_raw_body()
  if text == nil or text == "" then
    return {}
  elseif #text > MOST_BODY_BYTES then
    return nil
  end

  local content_type = kong.request.get_header("Content-Type") or ""
  local body = content_type:find("application/json", 1, true) == 1 and cjson.decode(text)
  return type(body) == "table" and body or nil
end


local function query()
  local arguments = {}
  for name, value in pairs(kong.request.get_query(20)) do
    arguments[name] = type(value) == "string" and value or nil
  end

  return arguments
end


local function call(view, params, who)
  local body = read_body()
  if not body then
    return 400, { message = "expected JSON of at most " .. MOST_BODY_BYTES .. " bytes, as application/json" }
  end

  local ok, status, answer, headers = pcall(view, {
    params = params, query = query(), body = body, by = who.by, role = who.role, workspace = views.workspace(),
    route = kong.router.get_route().id,
  })
  if not ok then
    kong.log.err("could not answer: ", status)
    return 500, { message = "An unexpected error occurred" }
  end

  return status, answer, headers
end


-- Answers a request of somebody who was let in. Returns status, body, headers.
function _M.answer(who)
  local path, method = path_below(), kong.request.get_method()
  method = method == "HEAD" and "GET" or method
  if path == "/" then
    if method ~= "GET" then
      return 405, { message = "Method not allowed" }, with_headers()
    end
    local html, headers = page.render(ngx.var.request_id, library.VERSION)
    return 200, html, with_headers(headers)
  end

  local methods, params = views.find(path)
  local view = methods and methods[method]
  if not view then
    return methods and 405 or 404, { message = methods and "Method not allowed" or "Not found" }, with_headers()
  end

  local status, answer, headers = call(view, params, who)
  return status, answer, with_headers(headers)
end


return _M
