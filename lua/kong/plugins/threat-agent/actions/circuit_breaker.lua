-- Opens a circuit breaker on the incident's route or service, in memory, in all workers: clients get
-- 503 with Retry-After at once, and the upstream rests. What goes on from there is in agent/breaker.lua.

local action_list = require "kong.plugins.threat-agent.action_list"
local breaker = require "kong.plugins.threat-agent.agent.breaker"
local effect = require "kong.plugins.threat-agent.effect"
local plugins = require "kong.plugins.threat-agent.actions.plugins"
local senders = require "kong.plugins.threat-agent.senders"


local _M = {}


-- The share of the requests that go well which a record would refuse now.
function _M.touches(record)
  return effect.good_ratio_now(record.place, record.target)
end


function _M.plan(record, incident, step)
  local kind, id, by = plugins.scope(record, step)
  if not kind then
    return nil, id
  elseif action_list.stands(record.action, by, id) then
    return nil, "a breaker stands there already"
  end

  local good_ratio = _M.touches(record)
  if good_ratio > step.good_ratio then
    return nil, "too many of its requests still go well"
  end

  local phase = breaker.limit_of("open")
  record.breaker = breaker.new(record.created_s)
  record.changes = { { op = "ban", ban = senders.measure(record.place, by, "", "limit", {
    scope = "global",
    ttl_s = record.ttl_s,
    category = incident.category,
    limit = phase.limit,
    window_s = phase.window_s,
  }) } }
  record.touches_ratio = good_ratio
  -- Its probes tell whether it is needed.
  record.verify_after_s = nil
  return true
end


return _M
