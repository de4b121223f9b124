-- What the busiest ordinary clients of a place need, as it was learned there.

local region = require "kong.plugins.threat-agent.region"
local senders = require "kong.plugins.threat-agent.senders"
local snapshots = require "kong.plugins.threat-agent.snapshots"


local ipairs = ipairs
local max = math.max


-- Where nothing was learned. Units: requests in a minute.
local UNLEARNED_PER_MINUTE = 600
-- The window that is learned. Units: seconds.
local LEARNED_S = 10


local _M = {}


-- Requests in a minute that no ordinary client of a route exceeds.
local function per_minute(place, route)
  local traffic = region.traffic(senders.identity({ workspace = place.workspace, service = place.service, route = route }))
  local hot = traffic and traffic.hot_limit or 0
  return hot > 0 and hot * 60 / LEARNED_S or UNLEARNED_PER_MINUTE
end


-- Requests in a window that no ordinary client exceeds. target: "service" for all of its routes, which one client may use
-- at once; else the place's route. Units: seconds.
function _M.requests(place, window_s, target)
  local routes = target == "service" and snapshots.routes_of(place.service) or {}
  local all = 0
  for _, route in ipairs(routes[1] and routes or { place.route }) do
    all = all + per_minute(place, route)
  end

  return max(1, math.floor(all * window_s / 60))
end


return _M
