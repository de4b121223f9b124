-- Routes that never match because another one takes all their requests.
--
-- More kinds of criteria go first (criteria.lua), and each kind leaves requests out: so only a route with the
-- same kinds can shadow another. Only what is certain is told: criteria are compared as texts, and regular
-- expressions only where they are a fixed beginning.

local criteria = require "kong.plugins.threat-agent.config_review.criteria"


local ipairs = ipairs
local next = next
local pairs = pairs


-- Others that a route is compared with: beyond, findings may be missing.
local MOST_COMPARED = 200


local _M = {}


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
      elseif other.own ~= own and criteria.covers(other.path, path) and criteria.is_wider(other.own, own)
         -- There a route's paths are sorted together.
         and (flavour ~= "traditional" or criteria.is_same(other.own, own))
      then
        local first = criteria.goes_first(other.own, other.path, own, path, flavour)
        if first and (not taker or criteria.goes_first(other.own, other.path, taker.own, taker.path, flavour)) then
          taker = other
        elseif first == nil and criteria.is_same(other.own, own) then
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
    all[#all + 1] = review:is_live(route) and criteria.of(route) or nil
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
    elseif takers and #takers == 1 and criteria.is_same(takers[1], own) and own.route.id < ids[1] then
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
