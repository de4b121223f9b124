-- From an incident's due steps to records: planned, checked, and carried out where policy and mode
-- say so.

local actions = require "kong.plugins.threat-agent.actions"
local carrier = require "kong.plugins.threat-agent.agent.carrier"
local effect = require "kong.plugins.threat-agent.effect"
local elapsed = require "kong.plugins.threat-agent.elapsed"
local gate = require "kong.plugins.threat-agent.agent.gate"
local journal = require "kong.plugins.threat-agent.agent.journal"
local life = require "kong.plugins.threat-agent.agent.life"
local planner = require "kong.plugins.threat-agent.agent.planner"
local traffic_of_named = require "kong.plugins.threat-agent.traffic_of_named"


local kong = kong
local ngx = ngx
local ipairs = ipairs
local next = next
local pairs = pairs


-- Who is named later is banned by a record of its own, so many of one step at most, each so long after the
-- one before. Units: seconds.
local MOST_TURNS = 20
local TURN_S = 10
-- Whoever took a turn back, or what, wants no more of them.
local GOES_ON = { active = true, applying = true, expired = true }


local _M = {}


-- Makes the record of a step. Returns nil, why the step has nothing to do (yet) and, when the Admin
-- API is why, whether that may pass.
local function plan(id, incident, policy, number, step, conf, known)
  local record = {
    id = id,
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
    target = step.target,
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
    return carrier.reader(record, conf)
  end, known)
  if not ok then
    return nil, why, passes
  end

  record.named = traffic_of_named.named(record, incident.top_clients)
  record.before = effect.measure(record)
  return record
end


-- Steps that could not be planned yet: why, and when they are looked at again.
local waiting = {}

-- A step whose need may come up any second is looked at each second; one that needs an Admin API
-- that does not answer, less and less often.
local function wait(id, incident, action, why, passes)
  local entry = waiting[id] or { tries = 0, incident = incident.id }
  if entry.why ~= why then
    kong.log.notice("action ", id, " ", action, " not planned: ", why)
  end
  entry.why = why
  if passes ~= nil then
    life.pause(entry)
  end
  waiting[id] = entry
end


-- Finds whose turn it is: a step's record, and after that one for those who were named since. Returns its id, the
-- record of it that there is, and the set of those that were dealt with.
local function turn_of(id, follows, now)
  local at, record, known = id, journal.get(id), {}
  for number = 2, MOST_TURNS do
    if not follows or not record or not GOES_ON[record.state] or not elapsed(record.created_s, TURN_S, now) then
      break
    end

    for _, list in ipairs({ record.clients, record.left_out }) do
      for _, client in ipairs(list) do
        known[client] = true
      end
    end
    at = id .. "." .. number
    record = journal.get(at)
  end

  return at, record, known
end


-- Whether a step that was not carried out may be now: the budget is there again, the mode is another.
local function is_open(record, conf)
  return record.state == "refused" and record.may_pass == true
         or record.state == "dry_run" and conf.mode == "enforce"
end


-- Puts a new plan in the place of a record that was not carried out.
local function renew(former, record)
  record.state = former.state
  for name in pairs(former) do
    former[name] = nil
  end
  for name, value in pairs(record) do
    former[name] = value
  end

  return former
end


-- Begins with a record that may be carried out.
local function begin(record, policy, conf)
  if conf.mode ~= "enforce" then
    life.move(record, "dry_run", conf)
  elseif policy.approval == "required" and not carrier.is_delegated(record, conf) then
    life.move(record, "pending", conf, "waits for POST /threat-agent/actions/" .. record.id .. "/approve")
  else
    life.carry_out(record, conf)
  end
end


-- What was not begun, as it could not be written down, is planned again; not each second where that asks the Admin API.
local function put_off(record, former)
  local is_remote = carrier.is_remote(record)
  if former then
    -- It spends nothing of the budget.
    record.may_pass, record.applied_s = former.state == "refused" or nil, nil
    if is_remote then
      life.pause(record)
    end
  else
    wait(record.id, { id = record.incident }, record.action, "it cannot be written down", is_remote or nil)
  end
end


-- Decides on a planned record, and begins with it. former: the record that was not carried out. Returns whether what came of
-- that is written down.
local function decide(record, former, policy, conf)
  local ok, why = gate.check(record, conf)
  if not ok and former and former.state == "refused" then
    former.why = why
    life.pause(former)
    return true
  end

  local state = former and former.state
  record = former and renew(former, record) or record
  if ok then
    begin(record, policy, conf)
  else
    life.hold_back(record, conf, why)
  end
  if record.state ~= state then
    return true
  end

  put_off(record, former)
  return false
end


-- Takes a step of a policy, once; where it follows whom the incident names, again for those who are new. is_wanted: tells
-- whether it is still to be taken, once it is planned.
function _M.propose(incident, policy, number, step, conf, is_wanted)
  local now = ngx.time()
  local id, former, known = turn_of(planner.id_of(incident, policy, number), actions.follows(step.action), now)
  local tried = former or waiting[id]
  if former and not is_open(former, conf) or tried and life.is_paused(tried, now) then
    return
  end

  local record, why, passes = plan(id, incident, policy, number, step, conf, known)
  if not is_wanted() then
    return
  elseif record then
    if decide(record, former, policy, conf) then
      waiting[id] = nil
    end
  elseif former then
    life.pause(former)
  elseif not next(known) then
    wait(id, incident, step.action, why, passes)
  end
end


-- Forgets the steps of an incident that wait: it is over.
function _M.forget(incident)
  for id, entry in pairs(waiting) do
    if entry.incident == incident then
      waiting[id] = nil
    end
  end
end


return _M
