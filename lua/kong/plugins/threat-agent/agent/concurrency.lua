-- How many requests a route or service takes at once, found as it goes: less while its upstream fails
-- or is slower than usual, more while it does well and the cap is felt.
--
-- The region enforces the last cap whoever dies; what ends it in any case is the action's time.

local baselines = require "kong.plugins.threat-agent.baselines"
local elapsed = require "kong.plugins.threat-agent.elapsed"
local limit = require "kong.plugins.threat-agent.agent.limit"
local traffic_of = require "kong.plugins.threat-agent.traffic_of"


local ceil = math.ceil
local floor = math.floor
local max = math.max
local min = math.min


local LEAST = 4
local MOST = 100000

-- Between two looks: a window of ten seconds turns slowly. Units: seconds.
local EVERY_S = 2

-- Additive increase, multiplicative decrease, as TCP has it.
local LESS = 0.8
local MORE = 0.05

-- Share of failed answers, and slowness against what is usual, from which the upstream has too much.
local ERRORS = 0.05
local SLOWER = 2
-- Requests in ten seconds from which a mean latency means anything: it is from a sample of one in 16.
local LEAST_SAMPLED = 50
-- Share of the cap from which it is felt.
local FELT = 0.8


local _M = {}


-- The cap to begin with: what was under way on average. target: as traffic_of() takes it.
-- Source: Little's law.
function _M.first(place, target)
  local traffic = traffic_of(place, target)
  return max(LEAST, traffic and ceil(traffic.ten_s.latency_ms / 10000) or LEAST)
end


-- Whether the upstream fails, or is slower on the place's route than usual.
local function is_overloaded(all, place)
  if all.errors > ERRORS * max(1, all.requests - all.exits) then
    return true
  end

  local traffic = traffic_of(place)
  local flow = traffic and traffic.ten_s or all
  local passed = max(1, flow.requests - flow.exits)
  local usual = baselines.of(place.workspace, place.route)
  return passed >= LEAST_SAMPLED and usual ~= nil and usual.is_mature and usual.latency_ms > 0
         and flow.latency_ms / passed > SLOWER * usual.latency_ms
end


-- Moves a record's cap, where it is time. Returns false, and an error where that failed.
function _M.step(record, now)
  if not elapsed(record.capped_s or 0, EVERY_S, now) then
    return
  end

  record.capped_s = now
  local ban = record.changes[1].ban
  local traffic = traffic_of(record.place, ban.by)
  if not traffic then
    return
  end

  local cap = ban.limit
  if is_overloaded(traffic.ten_s, record.place) then
    cap = max(LEAST, floor(LESS * cap))
  elseif traffic.in_flight >= FELT * cap or traffic.ten_s.exits > 0 then
    cap = min(MOST, cap + max(1, floor(MORE * cap)))
  end

  if cap ~= ban.limit then
    ban.limit = cap
    local ok, err = limit.move(record, now)
    return false, not ok and err or nil
  end
end


return _M
