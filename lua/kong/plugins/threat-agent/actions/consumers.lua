-- Plans one change for each consumer that an incident names.

local effect = require "kong.plugins.threat-agent.effect"
local senders = require "kong.plugins.threat-agent.senders"


local ipairs = ipairs


-- change_for: gives a consumer's change; false where it is done already; nil, an error and whether it may
-- pass. done: what is said where it is done for all.
return function(record, incident, step, change_for, done)
  local found = senders.suspects(incident, "consumer", step.suspicion)
  if #found == 0 then
    return nil, "no consumer is suspected enough"
  end

  local consumers, changes = {}, {}
  for _, consumer in ipairs(found) do
    local change, err, passes = change_for(consumer)
    if change == nil then
      return nil, err, passes or false
    elseif change then
      consumers[#consumers + 1] = consumer
      changes[#changes + 1] = change
    end
  end
  if #changes == 0 then
    return nil, done
  end

  record.by = "consumer"
  record.clients = consumers
  record.changes = changes
  record.touches_ratio = effect.others_ratio(record, incident.top_clients)
  return true
end
