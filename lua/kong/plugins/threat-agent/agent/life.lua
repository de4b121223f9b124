-- How an action begins and ends, step by step (what is due when: agent/follower.lua):
--
--   dry_run | refused | handed_out | pending → applying → active → reverting → reverted | expired | failed | conflict
--                                                                ↘ kept, where it was to stand for ever and helped
--
-- Every step is in the journal before it is taken and after it, and in the ledger.

local carrier = require "kong.plugins.threat-agent.agent.carrier"
local cjson = require "cjson.safe"
local deck = require "kong.plugins.threat-agent.deck"
local effect = require "kong.plugins.threat-agent.effect"
local failing = require "kong.plugins.threat-agent.agent.failing"
local files = require "kong.plugins.threat-agent.files"
local gate = require "kong.plugins.threat-agent.agent.gate"
local journal = require "kong.plugins.threat-agent.agent.journal"
local lease = require "kong.plugins.threat-agent.lease"
local ledger = require "kong.plugins.threat-agent.agent.ledger"
local tally = require "kong.plugins.threat-agent.tally"


local kong = kong
local ngx = ngx
local ipairs = ipairs


-- Pauses between tries double from the first to the longest. Units: seconds.
local FIRST_PAUSE_S = 1
local LONGEST_PAUSE_S = 60
-- What is to stand for ever is begun so long at most. Units: seconds.
local BEGUN_S = 3600


local _M = {}


-- Writes down what was decided about a record.
function _M.note(event, record, conf, why)
  local key = conf.response.ledger_key
  ledger.write(event, record, why, key ~= ngx.null and key or nil, carrier.take_calls(record))
end


-- Sets a record's state, in the journal and in the ledger. Returns nil where that could not be
-- written: then nothing may be done.
local function move(record, state, conf, why)
  local is_new = record.state ~= state
  record.why = why or record.why
  local ok, err = journal.set(record, state)
  if not failing.check(ok, "write down actions", err) then
    return nil
  end

  if is_new then
    tally.add(1, "action", record.action, state)
  end

  _M.note(state, record, conf, why)
  kong.log.notice("action ", record.id, " ", record.action, " ", state, why and ": " .. why or "")
  return true
end


_M.move = move


-- Puts the next try of something off.
local function pause(record)
  record.tries = (record.tries or 0) + 1
  record.next_try_s = ngx.time() + math.min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ^ (record.tries - 1))
end


_M.pause = pause


-- Whether the next try of something is put off yet. No pause is longer: then the clock was set back.
function _M.is_paused(record, now)
  return record.next_try_s ~= nil and now < record.next_try_s and record.next_try_s - now <= LONGEST_PAUSE_S
end


-- Refuses a record for what may pass: the step is looked at again as long as its incident is open.
function _M.hold_back(record, conf, why)
  record.may_pass, record.tries = true, nil
  pause(record)
  move(record, "refused", conf, why)
end


-- Puts a record's next try off, and writes down why. level: at which the log says so, when that is news.
local function wait(record, conf, err, level)
  if record.failure ~= err then
    kong.log[level]("action ", record.id, " has to wait: ", err)
  end
  pause(record)
  record.failure = err
  journal.save()
  _M.note("waits", record, conf, err)
end


-- Begins to take a record back; whoever follows it goes on with that. ends_as: the state it comes to.
-- Returns whether there is something to go on with: what stands in memory goes also where the leader cannot write that
-- down, since a kill switch that waits for room on a disk is none.
local function stop(record, conf, ends_as, why)
  record.ends_as, record.tries, record.next_try_s, record.failure = ends_as, nil, nil, nil
  if move(record, "reverting", conf, why) then
    return true
  elseif carrier.is_remote(record) or not lease.holds() then
    return nil
  end

  record.state = "reverting"
  return true
end

_M.stop = stop


-- Takes a record back, or goes on with it.
local function revert(record, conf, ends_as, why)
  if record.state ~= "reverting" and not stop(record, conf, ends_as, why) then
    return
  end

  local ok, err, passes, is_foreign = carrier.take_back(record, conf)
  if ok then
    move(record, record.ends_as, conf)
  elseif is_foreign then
    move(record, "conflict", conf, err)
  else
    -- A refused credential, too, is one that somebody may mend: what stands is not left behind for it.
    wait(record, conf, err, passes and "warn" or "err")
  end
end

_M.revert = revert


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


-- Begins to carry a record out; whoever follows it goes on with that. Returns whether there is something to go on with.
local function start(record, conf)
  if conf.response.admin_api.writes == "patch" and carrier.is_remote(record) then
    hand_out(record, conf)
    return false
  end

  carrier.settle(record, conf)
  return move(record, "applying", conf)
end

_M.start = start


-- Whether the time of a record that is being applied is over: what it answers is long past.
local function is_late(record, now)
  return now >= (record.expires_s or record.applied_s + BEGUN_S)
end


-- Leaves out of an approved record what somebody has done while it waited: to take that back would undo what they did.
-- Returns whether there is something to go on with.
local function leave_out_done(record, conf)
  if not record.approved_by or record.is_compared or not carrier.is_remote(record) or carrier.is_delegated(record, conf) then
    return true
  end

  local left = setmetatable({}, cjson.array_mt)
  for _, change in ipairs(record.changes) do
    local stands = carrier.stands(record, conf, change)
    if record.state ~= "applying" then
      return false
    elseif stands == nil then
      wait(record, conf, "could not look at what it is to change", "warn")
      return false
    end
    left[#left + 1] = not stands and change or nil
  end

  if #left == 0 then
    move(record, "refused", conf, "somebody has done it already")
    return false
  end

  record.changes, record.is_compared = left, true
  return journal.save()
end


-- Carries a record out, or goes on with it: each change can be applied twice as well as once.
local function carry_out(record, conf)
  if record.state ~= "applying" and not start(record, conf) then
    return
  elseif is_late(record, ngx.time()) then
    revert(record, conf, "failed", record.failure or "its time was over before it was applied")
    return
  elseif not leave_out_done(record, conf) then
    return
  end

  local ok, err, passes = carrier.apply(record, conf)
  local now = ngx.time()
  if record.state ~= "applying" then
    -- Somebody stopped it while the Admin API was waited for.
    return
  elseif ok then
    record.applied_s, record.tries, record.next_try_s, record.failure = now, nil, nil, nil
    local wait_s = effect.judged_after_s(record)
    record.verify_s = wait_s and now + wait_s
    move(record, "active", conf)
  elseif passes and not is_late(record, now) then
    wait(record, conf, err, "warn")
  else
    -- Some of it may stand, or all of it where an answer was lost.
    revert(record, conf, "failed", err)
  end
end

_M.carry_out = carry_out


-- Why nothing may stand; nil when it may. What operators did by hand ends by its own time.
local function must_go(record, conf)
  if gate.is_killed(conf) then
    return "the kill switch is on"
  elseif conf.mode ~= "enforce" and not record.by_operator then
    return "the instance only monitors"
  end
end


_M.must_go = must_go


return _M
