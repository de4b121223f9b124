-- Marks who an incident names, in memory, in all workers at once: its requests pass with a header that tells
-- the upstream, where a suspicion alone would refuse them.

local ban = require "kong.plugins.threat-agent.actions.ban"


local _M = { follows = true }


function _M.plan(record, incident, step, _, known)
  local ok, why = ban.plan_measure(record, incident, step, "tag", {}, known)
  -- Nobody is to send less for it.
  record.verify_after_s = nil
  return ok, why
end


return _M
