-- An action's life:
--
--   dry_run | refused | handed_out | pending → applying → active → reverting → reverted | expired | conflict
--                                                      ↘ failed
--
-- Every step is in the journal before it is taken and after it, and in the ledger.

local breaker = require "kong.plugins.threat-agent.agent.breaker"
local carrier = require "kong.plugins.threat-agent.agent.carrier"
local concurrency = require "kong.plugins.threat-agent.agent.concurrency"
local deck = require "kong.plugins.threat-agent.deck"
local effect = require "kong.plugins.threat-agent.effect"
local files = require "kong.plugins.threat-agent.files"
local gate = require "kong.plugins.threat-agent.agent.gate"
local journal = require "kong.plugins.threat-agent.agent.journal"
local ledger = require "kong.plugins.threat-agent.agent.ledger"
local tally = require "kong.plugins.threat-agent.tally"


local kong = kong
local ngx = ngx
local ipairs = ipairs


-- Pauses between tries double from the first to the longest. Units: seconds.
local FIRST_PAUSE_S = 1
local LONGEST_PAUSE_S = 60
-- An approval that nobody gives is no longer asked for.
local APPROVAL_S = 3600


local _M = {}


-- Writes down what was decided about a record.
function _M.note(event, record, conf, why)
  local key = conf.response.ledger_key
  ledger.write(event, record, why, key ~= ngx.null and key or nil)
end


-- Sets a record's state, in the journal and in the ledger. Returns nil where that could not be
-- written: then nothing may be done.
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


-- Puts a record's next try off, and says why.
local function wait(record, conf, err)
  pause(record)
  record.failure = err
  journal.save()
  _M.note("waits", record, conf, err)
end


-- Takes a record back, or goes on with it. ends_as: the state it comes to.
local function revert(record, conf, ends_as, why)
  if record.state ~= "reverting" then
    record.ends_as, record.tries, record.next_try_s, record.failure = ends_as, nil, nil, nil
    if not move(record, "reverting", conf, why) then
      return
    end
  end

  local ok, err, passes = carrier.take_back(record, conf)
  if ok then
    move(record, record.ends_as, conf)
  elseif passes then
    wait(record, conf, err)
    kong.log.warn("action ", record.id, " could not be taken back yet: ", err)
  else
    move(record, "conflict", conf, err)
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


-- Carries a record out, or goes on with it: each change can be applied twice as well as once.
local function carry_out(record, conf)
  if conf.response.admin_api.writes == "patch" and carrier.is_remote(record) then
    hand_out(record, conf)
    return
  elseif record.state ~= "applying" then
    carrier.settle(record, conf)
    record.applied_s = ngx.time()
    record.expires_s = record.ttl_s > 0 and record.applied_s + record.ttl_s or nil
    if not move(record, "applying", conf) then
      return
    end
  end

  local ok, err, passes = carrier.apply(record, conf)
  local now = ngx.time()
  if ok then
    record.applied_s, record.tries, record.next_try_s, record.failure = now, nil, nil, nil
    record.verify_s = record.verify_after_s and now + math.max(record.verify_after_s, effect.SETTLED_S)
    move(record, "active", conf)
  elseif passes and (not record.expires_s or now < record.expires_s) then
    wait(record, conf, err)
    kong.log.warn("action ", record.id, " could not be applied yet: ", err)
  else
    carrier.take_back(record, conf)
    move(record, "failed", conf, err)
  end
end

_M.carry_out = carry_out


local function verify(record, conf)
  record.verify_s = nil
  local after = effect.measure(record)
  record.after = after
  local result = record.before and after and effect.judge(record.before, after) or "unknown"
  record.result = result
  record.stands = carrier.stands(record, conf)
  tally.add(1, "action_result", record.action, result)
  if result == "harmful" then
    revert(record, conf, "reverted", "good requests went down with it")
  elseif result == "none" then
    revert(record, conf, "reverted", "it changed nothing for the better")
  else
    move(record, "active", conf, "verified: " .. result .. (record.stands == false and "; what it made was changed since" or ""))
  end
end


-- Actions that go on while they are active, and what takes them a step further: `step` returns whether
-- the action is over, and what there is to say.
local FOLLOWED = { circuit_breaker = breaker, concurrency_cap = concurrency }

local function go_on(record, conf, now)
  local is_over, why = FOLLOWED[record.action].step(record, now)
  if is_over then
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


_M.must_go = must_go


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
    elseif FOLLOWED[record.action] then
      go_on(record, conf, now)
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


-- Does what is due of all records; one that cannot be dealt with holds up no other.
function _M.follow(conf)
  local now = ngx.time()
  for _, record in ipairs(journal.all()) do
    local ok, err = pcall(live_on, record, conf, now)
    if not ok then
      pause(record)
      kong.log.err("action ", record.id, " could not be followed: ", err)
    end
  end
end


return _M
