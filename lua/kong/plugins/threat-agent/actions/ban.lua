-- Refuses the clients that an incident names, in memory, in all workers at once.

local SUSPICION = { low = 1, medium = 2, high = 3 }


local _M = {}


function _M.plan(record, incident, step)
  local clients, changes = {}, {}
  for _, top in ipairs(incident.top_clients) do
    if SUSPICION[top.suspicion] >= SUSPICION[step.suspicion] then
      clients[#clients + 1] = top.client
      changes[#changes + 1] = {
        op = "ban",
        ban = {
          client_ip = top.client,
          workspace = incident.workspace,
          service = incident.service,
          route = incident.route,
          consumer = "",
          by = "client_ip",
          scope = incident.route ~= "" and step.scope or "global",
          ttl_s = record.ttl_s,
          category = incident.category,
        },
      }
    end
  end

  if #clients == 0 then
    return nil, "no client is suspected enough"
  end

  record.clients = clients
  record.changes = changes
  return true
end


return _M
