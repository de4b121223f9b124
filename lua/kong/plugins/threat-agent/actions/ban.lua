-- Refuses who an incident names, in memory, in all workers at once; who is named later, too.

local effect = require "kong.plugins.threat-agent.effect"
local senders = require "kong.plugins.threat-agent.senders"


local _M = { follows = true }


-- Plans a measure on all that a step means. known: those that it was planned for before, or nil.
function _M.plan_measure(record, incident, step, measure, more, known)
  local ids = senders.suspects(incident, step.by, step.suspicion, known)
  if #ids == 0 then
    return nil, "no " .. step.by:gsub("_ip", "") .. " is suspected enough"
  end

  more.scope = incident.route ~= "" and step.scope or "global"
  more.ttl_s = record.ttl_s
  more.category = incident.category
  senders.plan(record, step.by, ids, measure, more)
  record.touches_ratio = effect.others_ratio(record, incident.top_clients)
  return true
end


function _M.plan(record, incident, step, _, known)
  return _M.plan_measure(record, incident, step, "refuse", {}, known)
end


return _M
