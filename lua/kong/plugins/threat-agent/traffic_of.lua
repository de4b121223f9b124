-- What goes to a place: to its route, or to all routes of its service where an action is on that.

local region = require "kong.plugins.threat-agent.region"
local senders = require "kong.plugins.threat-agent.senders"
local snapshots = require "kong.plugins.threat-agent.snapshots"


local ipairs = ipairs
local max = math.max
local pairs = pairs


local WINDOWS = { "minute", "ten_s" }


-- The routes that count; the place's own where its service's are not known.
local function routes_of(place, target)
  local routes = target == "service" and snapshots.routes_of(place.service) or {}
  return routes[1] and routes or { place.route }
end


local function add(all, more)
  for _, window in ipairs(WINDOWS) do
    for name, number in pairs(more[window]) do
      all[window][name] = all[window][name] + number
    end
  end
  all.hot_limit = max(all.hot_limit, more.hot_limit)
  return all
end


-- Reads it as region.traffic() does, without a sender's. target: "route", "service"; nil for the route.
-- Returns nil and an error.
return function(place, target)
  local all
  for _, route in ipairs(routes_of(place, target)) do
    local traffic, err = region.traffic(senders.identity({
      workspace = place.workspace, service = place.service, route = route,
    }))
    if not traffic then
      return nil, err
    end
    all = all and add(all, traffic) or traffic
  end
  if target == "service" then
    -- A service's cap counts for all of its routes at once.
    all.in_flight = all.service_in_flight
  end

  return all
end
