-- Finds the route of a request: hosts, methods, headers, paths by prefix or `~` regex.
-- More kinds of conditions win, then regex paths, then longer paths, then older routes.


local uri = require "gateway.uri"


local null = ngx.null
local lower = string.lower
local re_find = ngx.re.find


local function is_list(value)
  return type(value) == "table" and value ~= null and next(value) ~= nil
end


local function as_set(list, transform)
  if not is_list(list) then
    return nil
  end

  local set = {}
  for _, item in ipairs(list) do
    set[transform(item)] = true
  end

  return set
end


local function same(value)
  return value
end


local function make_path(path)
  if path:sub(1, 1) == "~" then
    return { regex = "^(?:" .. path:sub(2) .. ")", length = #path - 1 }
  end

  return { prefix = path, length = #path }
end


-- One candidate for each path, so that sorting sees path lengths.
local function add_candidates(candidates, route, service)
  local base = {
    route = route,
    service = service,
    hosts = as_set(route.hosts, lower),
    methods = as_set(route.methods, same),
    headers = is_list(route.headers) and route.headers or nil,
  }
  base.weight = (base.hosts and 1 or 0) + (base.methods and 1 or 0) + (base.headers and 1 or 0)

  if not is_list(route.paths) then
    table.insert(candidates, base)
    return
  end

  for _, path in ipairs(route.paths) do
    table.insert(candidates, setmetatable({ path = make_path(path), weight = base.weight + 1 }, { __index = base }))
  end
end


local function comes_first(a, b)
  if a.weight ~= b.weight then
    return a.weight > b.weight
  end

  local a_regex = a.path ~= nil and a.path.regex ~= nil
  local b_regex = b.path ~= nil and b.path.regex ~= nil
  if a_regex ~= b_regex then
    return a_regex
  end

  if a_regex and a.route.regex_priority ~= b.route.regex_priority then
    return a.route.regex_priority > b.route.regex_priority
  end

  local a_length, b_length = a.path and a.path.length or 0, b.path and b.path.length or 0
  if a_length ~= b_length then
    return a_length > b_length
  end

  if a.route.created_at ~= b.route.created_at then
    return a.route.created_at < b.route.created_at
  end

  return a.route.id < b.route.id
end


-- Tells whether a path matches, and which part of it did.
local function match_path(wanted, path)
  if wanted.prefix then
    if path:sub(1, wanted.length) == wanted.prefix then
      return wanted.prefix
    end
    return nil
  end

  local from, to = re_find(path, wanted.regex, "jo")
  return from and path:sub(from, to)
end


local function match_host(wanted, host)
  if wanted[host] then
    return true
  end

  for pattern in pairs(wanted) do
    local tail, head = pattern:match("^%*(.+)$"), pattern:match("^(.+)%*$")
    if (tail and host:sub(-#tail) == tail) or (head and host:sub(1, #head) == head) then
      return true
    end
  end

  return false
end


local function match_headers(wanted, headers)
  for name, values in pairs(wanted) do
    local value = headers[name]
    local found = false
    for _, one in ipairs(values) do
      if value and lower(type(value) == "table" and value[1] or value) == lower(one) then
        found = true
      end
    end
    if not found then
      return false
    end
  end

  return true
end


local router = {}
router.__index = router


-- Builds a router over routes and a map of services by id, both as handlers see them.
local function new(routes, services)
  local candidates = {}
  for _, route in ipairs(routes) do
    local service = route.service and services[route.service.id]
    if not service or service.enabled then
      add_candidates(candidates, route, service)
    end
  end

  table.sort(candidates, comes_first)
  return setmetatable({ candidates = candidates }, router)
end


-- Gives { route, service, upstream_path, prefix }, or nil.
function router:match(method, host, request_uri)
  local path = uri.normalize(request_uri:match("^[^?]*"))
  host = lower(host or "")

  for _, candidate in ipairs(self.candidates) do
    local matched = candidate.path == nil and "" or match_path(candidate.path, path)
    if matched
      and (not candidate.methods or candidate.methods[method])
      and (not candidate.hosts or match_host(candidate.hosts, host))
      and (not candidate.headers or match_headers(candidate.headers, ngx.req.get_headers(0)))
    then
      local route, service = candidate.route, candidate.service
      local strip = route.strip_path and matched ~= ""
      local rest = strip and path:sub(#matched + 1) or path
      return {
        route = route,
        service = service,
        prefix = strip and matched or nil,
        upstream_path = uri.join(service and service.path or "/", rest, path, strip),
      }
    end
  end
end


return { new = new }
