-- Moving a limit that stands in the region: what an action's first change says holds from now on, for the
-- rest of the action's time.

local native = require "kong.plugins.threat-agent.native"


local max = math.max


local _M = {}


-- Returns true, or nil and an error.
function _M.move(record, now)
  local ban = record.changes[1].ban
  ban.ttl_s = record.expires_s and max(1, record.expires_s - now) or ban.ttl_s

  -- A longer one that stands would be kept.
  native.lift_ban(ban)
  return native.ban(ban)
end


return _M
