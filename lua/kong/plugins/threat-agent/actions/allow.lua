-- Exempts clients, or their networks, that a policy names on the incident's route for a time: nobody
-- is locked out by what the other steps do. Whoever is exempt is neither counted nor looked at there.

local senders = require "kong.plugins.threat-agent.senders"


local _M = {}


function _M.plan(record, incident, step)
  if incident.route == "" then
    return nil, "the incident has no route"
  end

  local ids = {}
  for i, client in ipairs(step.clients) do
    ids[i] = client:find("/", 1, true) and senders.network_of(client) or client
  end
  senders.plan(record, nil, ids, "allow", { scope = "route", ttl_s = record.ttl_s, category = incident.category })
  -- Nobody is to send less for it.
  record.verify_after_s = nil
  return true
end


return _M
