-- Holds who an incident names to a number of requests in a window, in memory, in all workers as one:
-- what is above it gets 429 with Retry-After, where a suspicion alone would refuse everything.

local ban = require "kong.plugins.threat-agent.actions.ban"
local usual = require "kong.plugins.threat-agent.actions.usual"


local _M = { follows = true }


function _M.plan(record, incident, step, _, known)
  return ban.plan_measure(record, incident, step, "limit", {
    limit = step.limit or usual.requests(record.place, step.window_s),
    window_s = step.window_s,
  }, known)
end


return _M
