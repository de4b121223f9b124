-- Kong's ip-restriction on the incident's route or service: the named clients are denied by the
-- gateway itself, on every node.

local plugins = require "kong.plugins.threat-agent.actions.plugins"
local senders = require "kong.plugins.threat-agent.senders"


local _M = {}


local function joined(list, more)
  local all, seen = {}, {}
  for _, entries in ipairs({ type(list) == "table" and list or {}, more }) do
    for _, entry in ipairs(entries) do
      if not seen[entry] then
        seen[entry] = true
        all[#all + 1] = entry
      end
    end
  end

  return all
end


function _M.plan(record, incident, step, client)
  local by = step.by == "network" and "network" or "client_ip"
  local clients = senders.suspects(incident, by, step.suspicion)
  if #clients == 0 then
    return nil, "no client is suspected enough"
  end

  record.by = by
  record.clients = clients
  return plugins.plan(record, step, client, "ip-restriction", { deny = clients }, function(standing, is_enabled)
    if not is_enabled then
      return { deny = clients, allow = ngx.null },
             { deny = standing.deny or ngx.null, allow = standing.allow or ngx.null }
    end

    return { deny = joined(standing.deny, clients) }, { deny = standing.deny or ngx.null }
  end)
end


return _M
