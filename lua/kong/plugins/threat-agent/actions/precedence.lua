-- From whom a route would take requests if it asked for more. Kong asks routes with more kinds of criteria first: what
-- narrows `/` to methods puts it before `/admin` without, whose requests would go past the plugins on that.

local criteria = require "kong.plugins.threat-agent.config_review.criteria"
local database = require "kong.plugins.threat-agent.database"


local kong = kong
local ipairs = ipairs
local pairs = pairs
local tostring = tostring


local function with(route, set)
  local changed = {}
  for field, value in pairs(route) do
    changed[field] = value
  end
  for field, value in pairs(set) do
    changed[field] = value
  end

  return changed
end


-- Whether two sets have something in common; nil is everything.
local function share(a, b)
  for item in pairs(a and b or {}) do
    if a[item] then
      return true
    end
  end

  return not a or not b
end


-- Whether hosts are compared as they stand, without wildcards and ports.
local function are_plain(own)
  for host in pairs(own.hosts or {}) do
    if host:find("[*:]") then
      return false
    end
  end

  return true
end


-- Whether a request may match both by everything but the path.
local function may_meet(a, b)
  return share(a.methods, b.methods) and share(a.protocols, b.protocols) and share(a.snis, b.snis)
         and (share(a.hosts, b.hosts) or not are_plain(a) or not are_plain(b))
end


local function paths_may_meet(a, b)
  local length = math.min(a.length, b.length)
  return a.is_regex or b.is_regex or a.text:sub(1, length) == b.text:sub(1, length)
end


-- Whether Kong asks `a` before `b`; nil where that is not known.
local function goes_first(a, a_path, b, b_path)
  if a.kind_count ~= b.kind_count then
    return a.kind_count > b.kind_count
  end

  return criteria.goes_first(a, a_path, b, b_path, kong.configuration.router_flavor)
end


local function may_take(before, after, other)
  for _, path in ipairs(after.paths) do
    for _, other_path in ipairs(other.paths) do
      if paths_may_meet(path, other_path) and not goes_first(before, path, other, other_path)
         and goes_first(after, path, other, other_path) ~= false
      then
        return true
      end
    end
  end

  return false
end


-- Finds a route that may lose requests to this one once its fields are set. Returns its name or id; false where there is
-- none; nil, an error and that it may pass.
return function(route, set)
  local before, after = criteria.of(with(route, {})), criteria.of(with(route, set))
  if not before or before.kinds == after.kinds and before.header_count == after.header_count
     and before.has_plain_hosts == after.has_plain_hosts
  then
    return false
  end

  for other, err in database.each("routes") do
    if not other then
      return nil, "could not read the routes: " .. tostring(err), true
    end

    local own = other.id ~= route.id and criteria.of(other)
    if own and may_meet(after, own) and may_take(before, after, own) then
      return other.name or other.id
    end
  end

  return false
end
