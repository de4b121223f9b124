-- What a route asks of requests: whether it asks less than another one, and whether Kong asks it first.
--
-- Kong asks routes with more kinds of criteria first, then those without wildcards in hosts, with more
-- headers, with regular expressions in paths (by regex_priority), with longer paths. Of two that are equal
-- in all that, `traditional` asks the older one first, the other flavours the one of the greater id.
-- Source: kong/router/transform.lua, get_priority; atc-router, MatcherKey; kong/router/traditional.lua.

local ipairs = ipairs
local next = next
local pairs = pairs
local type = type


local SETS = { "methods", "hosts", "snis" }
local STREAM = { tcp = true, udp = true, tls = true, tls_passthrough = true }

-- What a regular expression may end in and match any rest.
local ANY_REST = { "%(%.%*%)%$?$", "%.%*%$?$" }

local NO_PATH = { text = "", is_regex = false, length = 0 }


local _M = {}


local function is_list(value)
  return type(value) == "table" and next(value) ~= nil
end


local function set_of(list, is_caseless)
  local set = {}
  for _, item in ipairs(list) do
    set[is_caseless and item:lower() or item] = true
  end

  return set
end


-- The fixed beginning that a regular expression stands for; nil where it says more.
local function beginning_of(regex)
  local rest = regex:gsub("^%^", "")
  for _, pattern in ipairs(ANY_REST) do
    rest = rest:gsub(pattern, "")
  end
  rest = rest == "" and "/" or rest

  return rest:find("^/[%w/_%-]*$") and rest or nil
end


local function path_of(text)
  if text:sub(1, 1) == "~" then
    return { text = text, is_regex = true, length = 0, beginning = beginning_of(text:sub(2)) }
  end

  return { text = text, is_regex = false, length = #text }
end


-- Kong makes one matcher of all regular expressions and one of the paths of each length.
local function is_split(paths)
  for _, path in ipairs(paths) do
    if path.is_regex ~= paths[1].is_regex or path.length ~= paths[1].length then
      return true
    end
  end

  return false
end


local function has_wildcard(hosts)
  for host in pairs(hosts) do
    if host:find("*", 1, true) then
      return true
    end
  end

  return false
end


local function headers_of(route)
  local headers, count = {}, 0
  for name, values in pairs(is_list(route.headers) and route.headers or {}) do
    headers[name:lower()] = set_of(values, true)
    count = count + 1
  end

  return headers, count
end


-- Gathers what a route asks of requests. Returns nil where that cannot be compared.
function _M.of(route)
  local protocols = is_list(route.protocols) and route.protocols or { "http", "https" }
  if STREAM[protocols[1]] or type(route.expression) == "string" or is_list(route.sources)
     or is_list(route.destinations)
  then
    return nil
  end

  local own = { route = route, protocols = set_of(protocols), paths = {}, kinds = route.ws_id or "" }
  for _, kind in ipairs(SETS) do
    if is_list(route[kind]) then
      own[kind] = set_of(route[kind], kind ~= "methods")
      own.kinds = own.kinds .. " " .. kind
    end
  end
  own.headers, own.header_count = headers_of(route)
  own.kinds = own.kinds .. (own.header_count > 0 and " headers" or "") .. (is_list(route.paths) and " paths" or "")
  own.kind_count = select(2, own.kinds:gsub(" ", ""))

  for i, text in ipairs(is_list(route.paths) and route.paths or {}) do
    own.paths[i] = path_of(text)
  end
  own.paths[1] = own.paths[1] or NO_PATH
  own.has_plain_hosts = own.hosts ~= nil and not has_wildcard(own.hosts)
  own.is_split = is_split(own.paths)
  own.regex_priority = type(route.regex_priority) == "number" and route.regex_priority or 0
  return own
end


local function holds(set, other)
  for item in pairs(other or {}) do
    if not set[item] then
      return false
    end
  end

  return true
end


-- Whether what matches `b` matches `a` by everything but the path; both have the same kinds of criteria.
local function is_wider(a, b)
  for _, kind in ipairs(SETS) do
    if a[kind] and not holds(a[kind], b[kind]) then
      return false
    end
  end
  for name, values in pairs(a.headers) do
    if not b.headers[name] or not holds(values, b.headers[name]) then
      return false
    end
  end

  return holds(a.protocols, b.protocols)
end

_M.is_wider = is_wider


-- Whether whatever matches `other` matches `path`.
function _M.covers(path, other)
  return path.text == other.text
         or path.beginning ~= nil and not other.is_regex
            and other.text:sub(1, #path.beginning) == path.beginning
end


local function texts_of(own)
  local texts = {}
  for _, path in ipairs(own.paths) do
    texts[path.text] = true
  end

  return texts
end


-- Whether two routes ask for the same.
function _M.is_same(a, b)
  local a_texts, b_texts = texts_of(a), texts_of(b)
  return is_wider(a, b) and is_wider(b, a) and holds(a_texts, b_texts) and holds(b_texts, a_texts)
end


-- What Kong asks first: positive for `a`, negative for `b`, 0 where it is settled by age or id.
local function rank(a, a_path, b, b_path)
  if a.has_plain_hosts ~= b.has_plain_hosts then
    return a.has_plain_hosts and 1 or -1
  elseif a.header_count ~= b.header_count then
    return a.header_count - b.header_count
  elseif a_path.is_regex ~= b_path.is_regex then
    return a_path.is_regex and 1 or -1
  elseif a_path.is_regex then
    return a.regex_priority - b.regex_priority
  end

  return a_path.length - b_path.length
end


-- Whether `a` goes before `b` where all else is equal; nil where that is not known.
local function is_elder(a, b, flavour)
  if flavour == "traditional" then
    local a_s, b_s = a.route.created_at, b.route.created_at
    if type(a_s) == "number" and type(b_s) == "number" and a_s ~= b_s then
      return a_s < b_s
    end
  elseif flavour and not a.is_split and not b.is_split then
    return a.route.id > b.route.id
  end

  return nil
end


-- Whether `a` is asked before `b`; nil where that is not known.
function _M.goes_first(a, a_path, b, b_path, flavour)
  local order = rank(a, a_path, b, b_path)
  if order ~= 0 then
    return order > 0
  end

  return is_elder(a, b, flavour)
end


return _M
