-- Moving a limit that stands in the region: what an action's first change says holds from now on, for the
-- rest of the action's time.

local region = require "kong.plugins.threat-agent.region"


local max = math.max


local _M = {}


-- Returns true, or nil and an error.
function _M.move(record, now)
  local ban = record.changes[1].ban
  ban.ttl_s = record.expires_s and max(1, record.expires_s - now) or ban.ttl_s

  -- A longer one that stands would be kept.
  region.lift_ban(ban)
  return region.ban(ban)
end


return _M
