-- What becomes of actions as time goes by: what is begun is gone on with, what stands is watched and ends when its time is
-- over, and nothing stands that may not.

local carrier = require "kong.plugins.threat-agent.agent.carrier"
local effect = require "kong.plugins.threat-agent.effect"
local journal = require "kong.plugins.threat-agent.agent.journal"
local life = require "kong.plugins.threat-agent.agent.life"
local watch = require "kong.plugins.threat-agent.agent.watch"


local kong = kong
local ngx = ngx
local ipairs = ipairs
local pcall = pcall


-- An approval that nobody gives is no longer asked for. Units: seconds.
local APPROVAL_S = 3600


local _M = {}


-- Does what is due while an action stands.
local function stand(record, conf, now)
  local is_over, why = watch.step(record, conf, now)
  if record.state ~= "active" then
    return
  elseif is_over then
    life.revert(record, conf, "reverted", why)
  elseif watch.is_settled(record) then
    life.move(record, "kept", conf, why)
  elseif why then
    life.move(record, "active", conf, why)
  end
end


local LIFE = {
  applying = function(record, conf)
    life.carry_out(record, conf)
  end,

  reverting = function(record, conf)
    life.revert(record, conf)
  end,

  active = function(record, conf, now)
    if record.expires_s and now >= record.expires_s then
      life.revert(record, conf, "expired", "its time is over")
    else
      stand(record, conf, now)
    end
  end,

  pending = function(record, conf, now)
    if now >= record.created_s + APPROVAL_S then
      life.move(record, "refused", conf, "nobody approved it within an hour")
    end
  end,
}


-- Where the clock was set back, nothing stands longer for it, and nothing is judged later.
local function keep_time(record, now)
  if record.expires_s and record.expires_s - now > record.ttl_s then
    record.expires_s = now + record.ttl_s
  end
  if record.verify_s then
    record.verify_s = math.min(record.verify_s, now + effect.judged_after_s(record))
  end
end


local function live_on(record, conf, now)
  keep_time(record, now)
  local why = LIFE[record.state] and life.must_go(record, conf)
  if why and (record.state == "active" or record.state == "applying") then
    life.revert(record, conf, "reverted", why)
  elseif why and record.state == "pending" then
    life.hold_back(record, conf, why)
  elseif LIFE[record.state] and not life.is_paused(record, now) then
    LIFE[record.state](record, conf, now)
  end
end


-- Does what is due of all records that change entities (is_remote), or of all others; one that cannot be dealt with
-- holds up no other. What is remote may wait for the Admin API, and states may be set meanwhile.
function _M.follow(conf, is_remote)
  for _, record in ipairs(journal.all()) do
    local ok, err = true, nil
    if carrier.is_remote(record) == is_remote then
      ok, err = pcall(live_on, record, conf, ngx.time())
    end
    if not ok then
      life.pause(record)
      kong.log.err("action ", record.id, " could not be followed: ", err)
    end
  end
end


return _M
