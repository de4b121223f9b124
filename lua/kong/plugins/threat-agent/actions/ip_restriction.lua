-- Kong's ip-restriction on the incident's route or service: the named clients are denied by the
-- gateway itself, on every node.

local plugins = require "kong.plugins.threat-agent.actions.plugins"
local ban = require "kong.plugins.threat-agent.actions.ban"


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
  local ok, why = ban.plan(record, incident, step)
  if not ok then
    return nil, why
  end

  local clients = record.clients
  return plugins.plan(record, step, client, "ip-restriction", { deny = clients }, function(standing)
    return { deny = joined(standing.deny, clients) }, { deny = standing.deny or ngx.null }
  end)
end


return _M
