-- Lets so many requests at once through to the incident's route or service, in memory, in all workers
-- as one: the others get 503 with Retry-After. How the number moves is in agent/concurrency.lua.

local action_list = require "kong.plugins.threat-agent.action_list"
local concurrency = require "kong.plugins.threat-agent.agent.concurrency"
local plugins = require "kong.plugins.threat-agent.actions.plugins"
local senders = require "kong.plugins.threat-agent.senders"


local _M = {}


function _M.plan(record, incident, step)
  local kind, id, by = plugins.scope(record, step)
  if not kind then
    return nil, id
  elseif action_list.stands(record.action, by, id) then
    return nil, "a cap stands there already"
  end

  record.changes = { { op = "ban", ban = senders.measure(record.place, by, "", "concurrency", {
    scope = "global",
    ttl_s = record.ttl_s,
    category = incident.category,
    limit = step.limit or concurrency.first(record.place, step.target),
  }) } }
  return true
end


return _M
