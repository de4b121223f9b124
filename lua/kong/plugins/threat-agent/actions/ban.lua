-- Refuses who an incident names, in memory, in all workers at once, who is named later, too: all of its requests,
-- or those that show a sign of an attack themselves, which spares who shares an address with an attacker.

local effect = require "kong.plugins.threat-agent.effect"
local senders = require "kong.plugins.threat-agent.senders"


-- Measures that leave alone what shows no sign of an attack.
local MILD = { refuse_on_signal = true, tag = true }


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
  -- What others send passes by what refuses nothing that is in order.
  record.touches_ratio = MILD[measure] and 0 or effect.others_ratio(record, incident.top_clients)
  return true
end


function _M.plan(record, incident, step, _, known)
  return _M.plan_measure(record, incident, step, senders.BANS[step.when] or "refuse", {}, known)
end


return _M
