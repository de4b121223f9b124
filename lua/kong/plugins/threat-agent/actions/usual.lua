-- What the busiest ordinary clients of a place need, as it was learned there.

local region = require "kong.plugins.threat-agent.region"
local senders = require "kong.plugins.threat-agent.senders"


local max = math.max


-- Where nothing was learned. Units: requests in a minute.
local UNLEARNED_PER_MINUTE = 600
-- The window that is learned. Units: seconds.
local LEARNED_S = 10


local _M = {}


-- Requests in a window that no ordinary client exceeds. Units: seconds.
function _M.requests(place, window_s)
  local traffic = region.traffic(senders.identity(place))
  local hot = traffic and traffic.hot_limit or 0
  if hot > 0 then
    return max(1, math.floor(hot * window_s / LEARNED_S))
  end

  return max(1, math.floor(UNLEARNED_PER_MINUTE * window_s / 60))
end


return _M
