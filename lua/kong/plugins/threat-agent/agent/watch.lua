-- Looks at an action while it stands: whether it helped, whether what it made stands as it was left, which is put back where
-- it is the node's own memory that lost it, and what it does next.

local breaker = require "kong.plugins.threat-agent.agent.breaker"
local carrier = require "kong.plugins.threat-agent.agent.carrier"
local concurrency = require "kong.plugins.threat-agent.agent.concurrency"
local effect = require "kong.plugins.threat-agent.effect"
local elapsed = require "kong.plugins.threat-agent.elapsed"
local measures = require "kong.plugins.threat-agent.agent.measures"
local tally = require "kong.plugins.threat-agent.tally"


-- Between two rounds of looks at what actions changed; the first is a new leader's first. Units: seconds.
local EVERY_S = 60

local USELESS = {
  harmful = "good requests went down with it",
  none = "it changed nothing for the better",
}

-- Actions that go on while they are active, and what takes them a step further: `step` returns whether
-- the action is over, and what there is to say.
local FOLLOWED = { circuit_breaker = breaker, concurrency_cap = concurrency }


local _M = {}


local round_s = 0     -- when the last round of looks began: all are looked at one after the other


-- Whether a record was not looked at in this round. A look that is to come was before the clock was set back.
local function is_unseen(record, now)
  if elapsed(round_s, EVERY_S, now) then
    round_s = now
  end

  local looked_s = record.looked_s or record.applied_s
  return looked_s < round_s or looked_s > now
end


-- Whether what an action made still stands, and what there is to say of it: a deploy, a reload of a DB-less node or
-- a person may have changed it. It is told and not done again.
local function look(record, conf, now)
  record.looked_s = now
  local stood = record.stands
  record.stands = carrier.stands(record, conf)
  if record.stands == false and stood ~= false then
    return "what it made was changed since"
  elseif record.stands and stood == false then
    return "what it made stands again"
  end
end


-- Puts back what the region lacks of an action in memory. Returns what there is to say: of what goes on failing, once, and once
-- that it is over.
local function put_back(record, now)
  record.looked_s = now
  local failed = record.is_unmended
  local missing, err = measures.mend(record)
  record.is_unmended = not missing or nil
  if not missing then
    return not failed and "could not put back what memory may lack: " .. err or nil
  elseif missing > 0 then
    return ("put back for the rest of its time: memory lacked %d of %d"):format(missing, #record.changes)
  elseif failed then
    return "memory has all of it again"
  end
end


-- Judges what came of a record. Returns whether it is to be judged again.
local function judge(record)
  record.after = effect.measure(record)
  local result, again = "unknown", false
  if record.before and record.after then
    result, again = effect.judge(record.before, record.after)
  end
  if result ~= record.result then
    record.result = result
    tally.add(1, "action_result", record.action, result)
  end

  return again
end


-- Judges a record; where hardly anybody comes, time and again until somebody does, and says so once.
local function verify(record, conf, now)
  local again, waited = judge(record), record.is_quiet
  record.verify_s = again and now + effect.judged_after_s(record) or nil
  record.is_quiet = again or nil

  local changed = look(record, conf, now)
  local useless = USELESS[record.result]
  if useless then
    return true, useless
  elseif again and waited then
    return false, changed
  end

  local why = again and "hardly anybody comes, which tells nothing of it" or "verified: " .. record.result
  return false, why .. (changed and "; " .. changed or "")
end


-- Does what is due of an active record. Returns whether it is to be taken back, and what there is to say.
function _M.step(record, conf, now)
  local is_remote = carrier.is_remote(record)
  local lost = not is_remote and is_unseen(record, now) and put_back(record, now)
  if lost then
    return false, lost
  elseif record.verify_s and now >= record.verify_s then
    return verify(record, conf, now)
  elseif USELESS[record.result] and not record.asked_by then
    -- The end that was to follow could not be written down, so that it was not begun. A data plane asks for that itself.
    return true, USELESS[record.result]
  elseif FOLLOWED[record.action] then
    return FOLLOWED[record.action].step(record, now)
  elseif is_remote and is_unseen(record, now) then
    return false, look(record, conf, now)
  end
end


-- Whether a record is there to stay: what stands for ever and was found good is no longer the agent's to take back.
function _M.is_settled(record)
  return record.ttl_s == 0 and record.result ~= nil and not USELESS[record.result]
end


return _M
