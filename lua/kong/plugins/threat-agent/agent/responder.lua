-- From incidents to actions, and through an action's life:
--
--   dry_run | refused | handed_out | pending → applying → active → reverting → reverted | expired | conflict
--                                                      ↘ failed
--
-- Every step is in the journal before it is taken and after it, and in the ledger.

local actions = require "kong.plugins.threat-agent.actions"
local admin = require "kong.plugins.threat-agent.admin"
local breaker = require "kong.plugins.threat-agent.agent.breaker"
local commands = require "kong.plugins.threat-agent.commands"
local concurrency = require "kong.plugins.threat-agent.agent.concurrency"
local deck = require "kong.plugins.threat-agent.deck"
local effect = require "kong.plugins.threat-agent.effect"
local feedback = require "kong.plugins.threat-agent.feedback"
local files = require "kong.plugins.threat-agent.files"
local gate = require "kong.plugins.threat-agent.agent.gate"
local journal = require "kong.plugins.threat-agent.agent.journal"
local ledger = require "kong.plugins.threat-agent.agent.ledger"
local operations = require "kong.plugins.threat-agent.agent.operations"
local operator = require "kong.plugins.threat-agent.agent.operator"
local planner = require "kong.plugins.threat-agent.agent.planner"
local tally = require "kong.plugins.threat-agent.tally"
local trainer = require "kong.plugins.threat-agent.agent.trainer"


local kong = kong
local ngx = ngx
local ipairs = ipairs


-- Pauses between tries double from the first to the longest. Units: seconds.
local FIRST_PAUSE_S = 1
local LONGEST_PAUSE_S = 60
-- An approval that nobody gives is no longer asked for.
local APPROVAL_S = 3600


local _M = {}


local incidents = {}      -- id → the incident as it stands, while it is open


-- Sets a record's state, in the journal and in the ledger.
local function move(record, state, conf, why)
  if record.state ~= state then
    tally.add(1, "action", record.action, state)
  end
  record.why = why or record.why
  local ok, err = journal.set(record, state)
  if not ok then
    kong.log.err("could not write down an action: ", err)
    return nil
  end

  local key = conf.response.ledger_key
  ledger.write(state, record, why, key ~= ngx.null and key or nil)
  kong.log.notice("action ", record.id, " ", record.action, " ", state, why and ": " .. why or "")
  return true
end


local function pause(record)
  record.tries = (record.tries or 0) + 1
  record.next_try_s = ngx.time() + math.min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ^ (record.tries - 1))
end


local function is_remote(record)
  for _, change in ipairs(record.changes) do
    if operations.is_remote(change) then
      return true
    end
  end

  return false
end


-- The client of the Admin API, where a change needs one. Returns nil, an error, whether it may pass.
local function client_for(record, conf)
  if is_remote(record) then
    return admin.client(conf.response.admin_api)
  end

  return true
end


-- Takes back what was applied, the last first. Returns true; nil, an error, whether it may pass.
local function take_back(record, client)
  for i = #record.changes, 1, -1 do
    local ok, err, passes = operations.revert(record.changes[i], client)
    if not ok then
      return nil, err, passes
    end
  end

  return true
end


local function revert(record, conf, ends_as, why)
  if record.state ~= "reverting" then
    record.ends_as, record.tries, record.next_try_s = ends_as, nil, nil
    if not move(record, "reverting", conf, why) then
      return
    end
  end

  local client, err, passes = client_for(record, conf)
  local ok
  if client then
    ok, err, passes = take_back(record, client)
  end

  if ok then
    move(record, record.ends_as, conf)
  elseif passes then
    pause(record)
    journal.save()
    kong.log.warn("action ", record.id, " could not be taken back yet: ", err)
  else
    move(record, "conflict", conf, err)
  end
end


local function apply_all(record, client)
  for _, change in ipairs(record.changes) do
    local ok, err, passes = operations.apply(change, client)
    if not ok then
      return nil, err, passes
    end
  end

  return true
end


-- Writes the changes as a file for whoever keeps the configuration elsewhere; a person applies it.
local function hand_out(record, conf)
  local ok, err = files.save(record.id .. ".yaml", deck.render(record))
  if not ok then
    move(record, "failed", conf, err)
    return
  end

  record.tier = "patch"
  move(record, "handed_out", conf, "GET /threat-agent/actions/" .. record.id .. "/patch")
end


-- Carries a record out, or goes on with it: each change can be applied twice as well as once.
local function carry_out(record, conf)
  if conf.response.admin_api.writes == "patch" and is_remote(record) then
    hand_out(record, conf)
    return
  elseif record.state ~= "applying" then
    record.applied_s = ngx.time()
    record.expires_s = record.ttl_s > 0 and record.applied_s + record.ttl_s or nil
    if not move(record, "applying", conf) then
      return
    end
  end

  local client, err, passes = client_for(record, conf)
  local ok
  if client then
    ok, err, passes = apply_all(record, client)
  end

  local now = ngx.time()
  if ok then
    record.tier = type(client) == "table" and client.tier or "memory"
    record.applied_s, record.tries, record.next_try_s = now, nil, nil
    record.verify_s = record.verify_after_s and now + record.verify_after_s
    move(record, "active", conf)
  elseif passes and (not record.expires_s or now < record.expires_s) then
    pause(record)
    journal.save()
    kong.log.warn("action ", record.id, " could not be applied yet: ", err)
  else
    if client then
      take_back(record, client)
    end
    move(record, "failed", conf, err)
  end
end


-- Makes the record of a step. Returns nil, why the step has nothing to do (yet) and, when the Admin
-- API is why, whether that may pass.
local function plan(incident, policy, number, step, conf)
  local record = {
    id = incident.id .. "-" .. number,
    incident = incident.id,
    category = incident.category,
    title = incident.title,
    policy = policy.id,
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
    return admin.client(conf.response.admin_api)
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
    pause(entry)
  end
  waiting[id] = entry
end


local function propose(incident, policy, number, step, conf)
  local id = incident.id .. "-" .. number
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
    move(record, "refused", conf, why)
  elseif conf.mode ~= "enforce" then
    move(record, "dry_run", conf)
  elseif policy.approval == "required" then
    move(record, "pending", conf, "waits for POST /threat-agent/actions/" .. record.id .. "/approve")
  else
    carry_out(record, conf)
  end
end


-- Keeps an incident in view as long as it is open.
function _M.take_in(incident)
  incidents[incident.id] = incident.status ~= "resolved" and incident or nil
  if not next(incidents) then
    waiting = {}
  end
end


local function verify(record, conf)
  record.verify_s = nil
  local after = effect.measure(record)
  record.after = after
  local result = record.before and after and effect.judge(record.before, after) or "unknown"
  record.result = result
  tally.add(1, "action_result", record.action, result)
  if result == "harmful" then
    revert(record, conf, "reverted", "good requests went down with it")
  elseif result == "none" then
    revert(record, conf, "reverted", "it changed nothing for the better")
  else
    move(record, "active", conf, "verified: " .. result)
  end
end


-- Goes through a circuit breaker's phases.
local function follow_breaker(record, conf, now)
  local closes, why = breaker.step(record, now)
  if closes then
    revert(record, conf, "reverted", why)
  elseif why then
    move(record, "active", conf, why)
  end
end


-- Why nothing may stand; nil when it may. What operators did by hand ends by its own time.
local function must_go(record, conf)
  if gate.is_killed(conf) then
    return "the kill switch is on"
  elseif conf.mode ~= "enforce" and not record.by_operator then
    return "the instance only monitors"
  end
end


local LIFE = {
  applying = function(record, conf)
    carry_out(record, conf)
  end,

  reverting = function(record, conf)
    revert(record, conf)
  end,

  active = function(record, conf, now)
    if record.expires_s and now >= record.expires_s then
      revert(record, conf, "expired", "its time is over")
    elseif record.verify_s and now >= record.verify_s then
      verify(record, conf)
    elseif record.breaker then
      follow_breaker(record, conf, now)
    elseif record.action == "concurrency_cap" then
      concurrency.step(record, now)
    end
  end,

  pending = function(record, conf, now)
    if now >= record.created_s + APPROVAL_S then
      move(record, "refused", conf, "nobody approved it within an hour")
    end
  end,
}


local function live_on(record, conf, now)
  local waits = record.next_try_s and now < record.next_try_s
  local why = LIFE[record.state] and must_go(record, conf)
  if why and (record.state == "active" or record.state == "applying") then
    revert(record, conf, "reverted", why)
  elseif why and record.state == "pending" then
    move(record, "refused", conf, why)
  elseif LIFE[record.state] and not waits then
    LIFE[record.state](record, conf, now)
  end
end


-- One record that cannot be dealt with holds up no other.
local function live(conf)
  local now = ngx.time()
  for _, record in ipairs(journal.all()) do
    local ok, err = pcall(live_on, record, conf, now)
    if not ok then
      pause(record)
      kong.log.err("action ", record.id, " could not be followed: ", err)
    end
  end
end


local COMMANDS = {
  approve = function(record, conf, by)
    if record.state ~= "pending" then
      return
    end

    -- Much may have changed while it waited.
    local why = must_go(record, conf) or not conf.response.enabled and "the agent is switched off"
    local ok = not why
    if ok then
      ok, why = gate.check(record, conf)
    end
    if ok then
      record.approved_by = by
      carry_out(record, conf)
    else
      move(record, "refused", conf, why)
    end
  end,

  revert = function(record, conf, by)
    if record.state == "active" or record.state == "applying" then
      revert(record, conf, "reverted", "asked for by " .. by)
    elseif record.state == "pending" then
      move(record, "refused", conf, "declined by " .. by)
    end
  end,
}


-- Bans or exempts somebody in an operator's name: kill switch and protected entities hold for
-- operators, too.
local function do_by_hand(command, conf)
  local record = operator[command.command](command, conf)
  local ok, why = gate.check(record, conf)
  if ok then
    carry_out(record, conf)
  else
    move(record, "refused", conf, why)
  end
end


local function lift(command, conf)
  for _, record in ipairs(operator.records_of(command)) do
    revert(record, conf, "reverted", "lifted by " .. command.by)
  end

  local ok, err = operator.lift(command)
  if not ok then
    kong.log.err("could not lift a ban: ", err)
  end
  local key = conf.response.ledger_key
  ledger.write(ok and "lifted" or "failed", operator.lifted(command), "lifted by " .. command.by,
               key ~= ngx.null and key or nil)
end


-- Learns what an operator says of an incident. What was done about a false alarm is taken back.
local function judge(command, conf)
  local ok, err = trainer.take_in(command)
  if not ok then
    kong.log.err("could not write feedback down: ", err)
    return
  end

  local key = conf.response.ledger_key
  ledger.write("feedback", trainer.record_of(command), command.note or command.verdict, key ~= ngx.null and key or nil)
  kong.log.notice("incident ", command.incident, " was called ", command.verdict, " by ", command.by)
  if command.verdict ~= "false_alarm" then
    return
  end

  for _, record in ipairs(journal.all()) do
    if record.incident == command.incident and record.created_s >= command.opened_s then
      COMMANDS.revert(record, conf, command.by .. ", who calls it a false alarm")
    end
  end
end


local ORDERS = {
  kill = function(command)
    local ok, err = gate.kill(command.by)
    kong.log.alert("the kill switch was set by ", command.by, ": all actions are taken back",
                   ok and "" or "; it holds only until another worker leads: " .. err)
  end,

  unkill = function(command)
    gate.unkill()
    kong.log.notice("the kill switch was lifted by ", command.by)
  end,

  allow = do_by_hand,
  ban = do_by_hand,
  lift = lift,
  feedback = judge,
}


local function obey_one(command, conf)
  local order = ORDERS[command.command]
  local record = journal.get(command.id)
  if order then
    order(command, conf)
  elseif record then
    COMMANDS[command.command](record, conf, command.by)
  end
end


local function obey(conf)
  local command = commands.take()
  while command do
    local ok, err = pcall(obey_one, command, conf)
    if not ok then
      kong.log.err("could not do what ", command.by, " asked for (", command.command, "): ", err)
    end
    command = commands.take()
  end
end


-- Takes up where the last leader stopped. Returns nil and an error where its records are lost.
function _M.open()
  incidents = {}
  ledger.open()
  -- A step of an open incident is taken once: its record says so.
  journal.keep(function(record)
    return incidents[record.incident] ~= nil
  end)
  return journal.load()
end


-- Does what is due; on the leader, once a second. conf: the platform's instance; where it is switched
-- off, what stands still comes to its end.
function _M.beat(conf)
  obey(conf)
  live(conf)
  if not conf.response.enabled then
    return
  end

  local now = ngx.time()
  for id, known in pairs(incidents) do
    local incident = feedback.weigh(known)
    local is_wrong = incident.feedback and incident.feedback.verdict == "false_alarm"
    local policy = not is_wrong and planner.policy_for(conf.response.policies, incident, now)
    local function was_useless(number)
      local record = journal.get(id .. "-" .. number)
      return record ~= nil and (record.result == "none" or record.result == "harmful" or record.state == "failed")
    end

    for _, due in ipairs(policy and planner.due(policy, incident, now, was_useless) or {}) do
      propose(incident, policy, due.number, due.step, conf)
    end
  end
end


return _M
