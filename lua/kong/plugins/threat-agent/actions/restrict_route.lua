-- Lets the incident's route take some methods, hosts or headers only: of what it takes, so that it never takes more.

local effect = require "kong.plugins.threat-agent.effect"
local entities = require "kong.plugins.threat-agent.entities"
local precedence = require "kong.plugins.threat-agent.actions.precedence"


local lower = string.lower
local ipairs = ipairs
local next = next
local pairs = pairs
local type = type


local _M = {}


local function list_of(value)
  return type(value) == "table" and value[1] and value or nil
end


-- What of a list of words may still come. taken: what comes now; nil for anything.
local function both(taken, wanted)
  if not taken then
    return wanted
  end

  local left = {}
  for _, word in ipairs(taken) do
    for _, other in ipairs(wanted) do
      if lower(word) == lower(other) then
        left[#left + 1] = word
        break
      end
    end
  end
  return left
end


-- The same of headers: each that either names has to come. Returns nil and what can no longer come.
local function both_headers(taken, wanted)
  local left, names = {}, {}
  for name, values in pairs(type(taken) == "table" and taken or {}) do
    left[name], names[lower(name)] = values, name
  end
  for name, values in pairs(wanted) do
    local as = names[lower(name)] or name
    left[as] = both(list_of(left[as]), values)
    if #left[as] == 0 then
      return nil, "values of " .. name
    end
  end

  return left
end


-- The fields of a route that a step narrows. Returns nil and what of them could no longer come.
local function narrowed(route, step)
  local set = {}
  for _, field in ipairs({ "methods", "hosts" }) do
    local wanted = list_of(step[field])
    set[field] = wanted and both(list_of(route[field]), wanted)
    if wanted and #set[field] == 0 then
      return nil, field
    end
  end

  local what
  if type(step.headers) == "table" and next(step.headers) then
    set.headers, what = both_headers(route.headers, step.headers)
  end
  return not what and set or nil, what
end


-- The share of the requests that go well which a record would refuse now.
function _M.touches(record)
  return effect.good_ratio(record.place, "route")
end


function _M.plan(record, _, step, client)
  local id = record.place.route
  if id == "" then
    return nil, "the incident has no route"
  end

  local api, err, passes = client()
  local route
  if api then
    route, err, passes = api:get("routes", id)
  end
  if not route then
    return nil, err or "the route is gone", passes or false
  end

  local set, what = narrowed(route, step)
  if not set then
    return nil, "the route takes none of these " .. what
  elseif not next(set) then
    return nil, "the step names no methods, hosts or headers"
  elseif entities.holds(route, set) then
    return nil, "the route takes nothing else already"
  end

  local loser
  loser, err, passes = precedence(route, set)
  if loser ~= false then
    return nil, err or "it would take requests from route " .. loser .. ", which Kong asks first as it stands", passes or false
  end

  record.touches_ratio = _M.touches(record)
  record.changes = {
    { op = "patch", kind = "routes", id = id, tags = route.tags, set = set, before = entities.before(route, set) },
  }
  return true
end


return _M
