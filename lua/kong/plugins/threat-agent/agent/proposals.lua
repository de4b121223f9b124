-- From an incident's due steps to records: planned, checked, and carried out where policy and mode
-- say so.

local actions = require "kong.plugins.threat-agent.actions"
local carrier = require "kong.plugins.threat-agent.agent.carrier"
local effect = require "kong.plugins.threat-agent.effect"
local gate = require "kong.plugins.threat-agent.agent.gate"
local journal = require "kong.plugins.threat-agent.agent.journal"
local life = require "kong.plugins.threat-agent.agent.life"
local planner = require "kong.plugins.threat-agent.agent.planner"


local kong = kong
local ngx = ngx


local _M = {}


-- Makes the record of a step. Returns nil, why the step has nothing to do (yet) and, when the Admin
-- API is why, whether that may pass.
local function plan(incident, policy, number, step, conf)
  local record = {
    id = planner.id_of(incident, policy, number),
    incident = incident.id,
    category = incident.category,
    title = incident.title,
    opened_s = incident.opened_s,
    policy = policy.id,
    step = number,
    action = step.action,
    mode = conf.mode,
    ttl_s = step.ttl_s,
    verify_after_s = step.verify_after_s,
    created_s = ngx.time(),
    place = {
      workspace = incident.workspace,
      service = incident.service,
      service_name = incident.service_name,
      route = incident.route,
      route_name = incident.route_name,
    },
    touches_ratio = 0,
  }

  local ok, why, passes = actions.plan(record, incident, step, function()
    return carrier.reader(conf)
  end)
  if not ok then
    return nil, why, passes
  end

  record.before = effect.measure(record)
  return record
end


-- Steps that could not be planned yet: why, and when they are looked at again.
local waiting = {}

-- A step whose need may come up any second is looked at each second; one that needs an Admin API
-- that does not answer, less and less often.
local function wait(id, action, why, passes)
  local entry = waiting[id] or { tries = 0 }
  if entry.why ~= why then
    kong.log.notice("action ", id, " ", action, " not planned: ", why)
  end
  entry.why = why
  if passes ~= nil then
    life.pause(entry)
  end
  waiting[id] = entry
end


-- Takes a step of a policy, once.
function _M.propose(incident, policy, number, step, conf)
  local id = planner.id_of(incident, policy, number)
  local entry = waiting[id]
  if journal.get(id) or (entry and entry.next_try_s and ngx.time() < entry.next_try_s) then
    return
  end

  local record, why, passes = plan(incident, policy, number, step, conf)
  if not record then
    wait(id, step.action, why, passes)
    return
  end

  waiting[id] = nil
  local ok
  ok, why = gate.check(record, conf)
  if not ok then
    life.move(record, "refused", conf, why)
  elseif conf.mode ~= "enforce" then
    life.move(record, "dry_run", conf)
  elseif policy.approval == "required" and not carrier.is_delegated(record, conf) then
    life.move(record, "pending", conf, "waits for POST /threat-agent/actions/" .. record.id .. "/approve")
  else
    life.carry_out(record, conf)
  end
end


-- Forgets the steps that wait: their incidents are over.
function _M.forget()
  waiting = {}
end


return _M
