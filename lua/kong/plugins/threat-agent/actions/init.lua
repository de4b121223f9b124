-- The actions, each in a file of its own that plans and does nothing: it says which changes it
-- comes down to (see agent/operations.lua), and they are applied, verified and taken back alike.
--
-- An action is { plan = function(record, incident, step, client, known), follows, touches }: it sets `record.changes` and,
-- where it has clients, `record.clients`, and returns true; or nil, why there is nothing to do and, when
-- the Admin API is why, whether that may pass. `client()` gives the Admin API's client, or the same three.
-- `follows`: whether it is taken again for those whom the incident names later; `known` are the others. `touches`: tells
-- of a record which share of the good requests it would refuse now, where that can be told without the incident.

local region = require "kong.plugins.threat-agent.region"


local registry = {
  acl = require "kong.plugins.threat-agent.actions.acl",
  allow = require "kong.plugins.threat-agent.actions.allow",
  ban = require "kong.plugins.threat-agent.actions.ban",
  circuit_breaker = require "kong.plugins.threat-agent.actions.circuit_breaker",
  concurrency_cap = require "kong.plugins.threat-agent.actions.concurrency_cap",
  deny_consumer = require "kong.plugins.threat-agent.actions.deny_consumer",
  disable_credential = require "kong.plugins.threat-agent.actions.disable_credential",
  disable_plugin = require "kong.plugins.threat-agent.actions.disable_plugin",
  divert_route = require "kong.plugins.threat-agent.actions.divert_route",
  drain_target = require "kong.plugins.threat-agent.actions.drain_target",
  hot_patch = require "kong.plugins.threat-agent.actions.hot_patch",
  ip_restriction = require "kong.plugins.threat-agent.actions.ip_restriction",
  limit_consumer = require "kong.plugins.threat-agent.actions.limit_consumer",
  rate_limiting = require "kong.plugins.threat-agent.actions.rate_limiting",
  request_termination = require "kong.plugins.threat-agent.actions.request_termination",
  reroute = require "kong.plugins.threat-agent.actions.reroute",
  restrict_route = require "kong.plugins.threat-agent.actions.restrict_route",
  rollback = require "kong.plugins.threat-agent.actions.rollback",
  tag = require "kong.plugins.threat-agent.actions.tag",
  throttle = require "kong.plugins.threat-agent.actions.throttle",
}


local _M = {}


-- Gives the entities that a record makes ids that follow from its own: made again after a crash
-- they are the same. Shape: RFC 9562, version 8.
local function id_of(record, number)
  local hex = region.digest("threat-agent", record.id .. "/" .. record.created_s .. "/" .. number)
  return ("%s-%s-8%s-a%s-%s"):format(hex:sub(1, 8), hex:sub(9, 12), hex:sub(13, 15), hex:sub(16, 18), hex:sub(19, 30))
end


local function tag(record, change)
  change.entity.tags = {
    "threat-agent",
    "incident:" .. record.incident,
  }
end


-- Whether an action is taken again for those whom an incident names later.
function _M.follows(name)
  return registry[name].follows == true
end


-- Tells which share of the good requests a planned record would refuse, now where that can be told.
function _M.touches(record)
  local touches = registry[record.action].touches
  return touches and touches(record) or record.touches_ratio
end


-- Plans a step into a record. Returns what an action's plan returns.
function _M.plan(record, incident, step, client, known)
  local ok, why, passes = registry[step.action].plan(record, incident, step, client, known)
  if not ok then
    return nil, why, passes
  end

  for number, change in ipairs(record.changes) do
    if change.op == "create" and not change.restored then
      change.id = change.id or id_of(record, number)
      tag(record, change)
    end
  end

  return true
end


return _M
