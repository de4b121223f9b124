-- What operators ask for, done by the leader: approvals, reverts, bans and exemptions by hand, feedback,
-- the kill switch. It waits for nothing: what is asked of an action is begun, and done where the action is followed.
-- And, some at a time, what data planes ask of their companion, which may wait for the Admin API.

local actions = require "kong.plugins.threat-agent.actions"
local commands = require "kong.plugins.threat-agent.commands"
local delegated = require "kong.plugins.threat-agent.agent.delegated"
local effect = require "kong.plugins.threat-agent.effect"
local gate = require "kong.plugins.threat-agent.agent.gate"
local journal = require "kong.plugins.threat-agent.agent.journal"
local lease = require "kong.plugins.threat-agent.lease"
local life = require "kong.plugins.threat-agent.agent.life"
local operator = require "kong.plugins.threat-agent.agent.operator"
local trainer = require "kong.plugins.threat-agent.agent.trainer"
local vocabulary = require "kong.plugins.threat-agent.vocabulary"


local kong = kong
local ipairs = ipairs
local pcall = pcall


-- Questions of data planes that are answered in one go.
local MOST_QUESTIONS = 10


local _M = {}


-- What goes on at its place may be another thing than when it was planned. What data planes ask for only they see.
local function measure_again(record)
  if not record.asked_by then
    record.touches_ratio = actions.touches(record)
    record.before = effect.measure(record)
  end
end


local COMMANDS = {
  approve = function(record, conf, by)
    if record.state ~= "pending" then
      return
    end

    measure_again(record)
    local why = life.must_go(record, conf) or not conf.response.enabled and "the agent is switched off"
    local ok = not why
    if ok then
      ok, why = gate.check(record, conf)
    end
    if ok then
      record.approved_by = by
      record.why = "approved by " .. by
      life.start(record, conf)
    else
      life.hold_back(record, conf, why)
    end
  end,

  revert = function(record, conf, by, more)
    if vocabulary.REVERTIBLE[record.state] then
      record.ended_by = by
      life.stop(record, conf, "reverted", "asked for by " .. by .. (more or ""))
    elseif record.state == "pending" then
      record.ended_by = by
      life.move(record, "refused", conf, "declined by " .. by)
    end
  end,
}


-- Bans or exempts somebody in an operator's name: kill switch and protected entities hold for
-- operators, too.
local function do_by_hand(command, conf)
  local record = operator[command.command](command, conf)
  local ok, why = gate.check(record, conf)
  if ok then
    life.start(record, conf)
  else
    life.move(record, "refused", conf, why)
  end
end


local function lift(command, conf)
  for _, record in ipairs(operator.records_of(command)) do
    record.ended_by = command.by
    life.stop(record, conf, "reverted", "lifted by " .. command.by)
  end

  local ok, err = operator.lift(command)
  if not ok then
    kong.log.err("could not lift a ban: ", err)
  end
  life.note(ok and "lifted" or "failed", operator.deed(command, "unban"), conf, "lifted by " .. command.by)
end


-- Learns what an operator says of an incident. What was done about a false alarm is taken back.
local function judge(command, conf)
  local ok, err = trainer.take_in(command)
  if not ok then
    kong.log.err("could not write feedback down: ", err)
    return
  end

  -- What an operator writes stands in the feedback, which can be erased.
  life.note("feedback", trainer.record_of(command), conf, command.verdict)
  kong.log.notice("incident ", command.incident, " was called ", command.verdict, " by ", command.by)
  if command.verdict ~= "false_alarm" then
    return
  end

  for _, record in ipairs(journal.all()) do
    -- Its number may have been another's, which was open before.
    if record.incident == command.incident and (record.opened_s or record.created_s) >= command.opened_s then
      COMMANDS.revert(record, conf, command.by, ", who calls it a false alarm")
    end
  end
  operator.acquit(command)
end


local ORDERS = {
  kill = function(command, conf)
    local ok, err = gate.kill(command.by)
    life.note("killed", operator.deed(command, "kill_switch"), conf, "set by " .. command.by)
    kong.log.alert("the kill switch was set by ", command.by, ": all actions are taken back",
                   ok and "" or "; it holds only until another worker leads: " .. err)
  end,

  unkill = function(command, conf)
    gate.unkill()
    life.note("lifted", operator.deed(command, "kill_switch"), conf, "lifted by " .. command.by)
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


-- Takes what is asked for next. What this worker may no longer do is left to the one that leads.
local function next_of(take)
  if lease.holds() then
    return take()
  end
end


-- Does what was asked for since the last beat.
function _M.obey(conf)
  local command, name = next_of(commands.take)
  while command do
    local ok, err = pcall(obey_one, command, conf)
    if not ok then
      kong.log.err("could not do what ", command.by, " asked for (", command.command, "): ", err)
    end
    commands.done(name)
    command, name = next_of(commands.take)
  end
end


-- Answers what data planes have asked.
function _M.answer(conf)
  for _ = 1, MOST_QUESTIONS do
    local question = next_of(commands.take_question)
    if not question then
      break
    end

    local ok, err = pcall(delegated.obey, question, conf)
    if not ok then
      kong.log.err("could not do what a data plane asked for: ", err)
    end
  end
end


return _M
