-- Routes that never match because another one takes all their requests.
--
-- Kong asks routes with more kinds of criteria first, then those without wildcards in hosts, with more
-- headers, with regular expressions in paths (by regex_priority), with longer paths. Of two that are equal
-- in all that, `traditional` asks the older one first, the other flavours the one of the greater id. So only
-- a route with the same kinds of criteria can shadow another. Only what is certain is told: criteria are
-- compared as texts, and regular expressions only where they are a fixed beginning.
-- Source: kong/router/transform.lua, get_priority; atc-router, MatcherKey; kong/router/traditional.lua.

local ipairs = ipairs
local next = next
local pairs = pairs
local type = type


local SETS = { "methods", "hosts", "snis" }
local STREAM = { tcp = true, udp = true, tls = true, tls_passthrough = true }

-- What a regular expression may end in and match any rest.
local ANY_REST = { "%(%.%*%)%$?$", "%.%*%$?$" }

-- Others that a route is compared with: beyond, findings may be missing.
local MOST_COMPARED = 200

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
local function criteria_of(route)
  local protocols = is_list(route.protocols) and route.protocols or { "http", "https" }
  if STREAM[protocols[1]] or type(route.expression) == "string" or is_list(route.sources)
     or is_list(route.destinations)
  then
    return nil
  end

  local own = { route = route, protocols = set_of(protocols), paths = {}, kinds = route.ws_id }
  for _, kind in ipairs(SETS) do
    if is_list(route[kind]) then
      own[kind] = set_of(route[kind], kind ~= "methods")
      own.kinds = own.kinds .. " " .. kind
    end
  end
  own.headers, own.header_count = headers_of(route)
  own.kinds = own.kinds .. (own.header_count > 0 and " headers" or "") .. (is_list(route.paths) and " paths" or "")

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


local function covers(path, other)
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


local function is_same(a, b)
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
local function goes_first(a, a_path, b, b_path, flavour)
  local order = rank(a, a_path, b, b_path)
  if order ~= 0 then
    return order > 0
  end

  return is_elder(a, b, flavour)
end


-- Whoever shares a path and a host with another is found by them.
local function key_of(own, host, path_key)
  return own.kinds .. "\n" .. host .. "\n" .. path_key
end


local function index_of(all)
  local index = {}
  local function add(own, path, key)
    index[key] = index[key] or {}
    table.insert(index[key], { own = own, path = path })
  end

  for _, own in ipairs(all) do
    for host in pairs(own.hosts or { [""] = true }) do
      for _, path in ipairs(own.paths) do
        add(own, path, key_of(own, host, path.text))
        if path.beginning then
          add(own, path, key_of(own, host, "^" .. path.beginning))
        end
      end
    end
  end

  return index
end


-- The keys that those who may cover a path of a route are found by.
local function keys_of(own, path)
  local host = next(own.hosts or { [""] = true })
  local keys = { key_of(own, host, path.text) }
  for length = 1, path.is_regex and 0 or #path.text do
    keys[#keys + 1] = key_of(own, host, "^" .. path.text:sub(1, length))
  end

  return keys
end


-- Finds who takes all requests of a path; and failing that, who is the same and either takes all or none.
local function taker_of(own, path, index, flavour)
  local taker, rival
  local compared = 0
  for _, key in ipairs(keys_of(own, path)) do
    for _, other in ipairs(index[key] or {}) do
      compared = compared + 1
      if compared > MOST_COMPARED then
        return taker, rival
      elseif other.own ~= own and covers(other.path, path) and is_wider(other.own, own)
         -- There a route's paths are sorted together.
         and (flavour ~= "traditional" or is_same(other.own, own))
      then
        local first = goes_first(other.own, other.path, own, path, flavour)
        if first and (not taker or goes_first(other.own, other.path, taker.own, taker.path, flavour)) then
          taker = other
        elseif first == nil and is_same(other.own, own) then
          rival = other
        end
      end
    end
  end

  return taker, rival
end


-- Finds who takes all requests of a route: a list of others, and whether that is certain, or may be the
-- other way round. nil where some are left.
local function takers_of(own, index, flavour)
  local takers, seen, certain = {}, {}, true
  for _, path in ipairs(own.paths) do
    local taker, rival = taker_of(own, path, index, flavour)
    local by = taker or rival
    if not by then
      return nil
    end
    certain = certain and taker ~= nil
    if not seen[by.own] then
      seen[by.own] = true
      takers[#takers + 1] = by.own
    end
  end

  return takers, certain
end


function _M.find(review)
  local all = {}
  for _, route in ipairs(review.entities.routes) do
    all[#all + 1] = review:is_live(route) and criteria_of(route) or nil
  end

  local index = index_of(all)
  for _, own in ipairs(all) do
    local takers, certain = takers_of(own, index, review.flavour)
    local names, ids = {}, {}
    for i, taker in ipairs(takers or {}) do
      names[i], ids[i] = "route " .. review.name_of(taker.route), taker.route.id
    end
    table.sort(names)

    local finding
    if takers and certain then
      finding = review:add("shadowed", "route", own.route, "never gets a request: " .. table.concat(names, " and ")
                           .. " has the same or wider criteria and goes before it")
    elseif takers and #takers == 1 and is_same(takers[1], own) and own.route.id < ids[1] then
      -- Told once for the two. Which one Kong asks first may differ from path to path: it sorts the parts of a
      -- split route by ids that it makes up for them.
      finding = review:add("shadowed", "route", own.route, "has the same criteria as " .. names[1]
                           .. ": of each path only one of them gets the requests")
    end
    if finding then
      finding.by = ids
    end
  end
end


return _M
