-- Kong's ip-restriction on the incident's route or service: the named clients are denied by the
-- gateway itself, on every node.

local effect = require "kong.plugins.threat-agent.effect"
local plugins = require "kong.plugins.threat-agent.actions.plugins"
local senders = require "kong.plugins.threat-agent.senders"


local _M = {}


-- What Kong is to deny: an IPv6 client is its /64, whichever of its addresses it was seen with.
local function denied_of(clients)
  local denied = {}
  for i, client in ipairs(clients) do
    denied[i] = not client:find("/", 1, true) and senders.line_of(client) or client
  end

  return denied
end


local function list_of(value)
  return type(value) == "table" and value[1] and value or nil
end


local function joined(list, more)
  local all, seen = {}, {}
  for _, entries in ipairs({ list_of(list) or {}, more }) do
    for _, entry in ipairs(entries) do
      if not seen[entry] then
        seen[entry] = true
        all[#all + 1] = entry
      end
    end
  end

  return all
end


-- The lists of a new one: what it takes the place of goes on refusing whom it refuses.
local function lists_beside(over, clients)
  return { deny = joined(over and over.deny, clients), allow = over and list_of(over.allow) }
end


local function tighten(standing, config, clients)
  if config then
    return { deny = config.deny, allow = config.allow or ngx.null },
           { deny = standing.deny or ngx.null, allow = standing.allow or ngx.null }
  end

  return { deny = joined(standing.deny, clients) }, { deny = standing.deny or ngx.null }
end


function _M.plan(record, incident, step, client)
  local by = step.by == "network" and "network" or "client_ip"
  local clients = senders.suspects(incident, by, step.suspicion)
  if #clients == 0 then
    return nil, "no client is suspected enough"
  end

  record.by = by
  record.clients = clients
  record.touches_ratio = effect.others_ratio(record, incident.top_clients)
  local denied = denied_of(clients)
  return plugins.plan(record, step, client, "ip-restriction", function(over)
    return lists_beside(over, denied)
  end, function(standing, config)
    return tighten(standing, config, denied)
  end)
end


return _M
