-- A circuit breaker's phases, each a limit on the route or service in the region: open (nothing
-- passes) → half open (a probe a second) → closed, or open again for twice as long.
--
-- The region enforces the last phase whoever dies; what ends it in any case is the action's time.

local elapsed = require "kong.plugins.threat-agent.elapsed"
local limit = require "kong.plugins.threat-agent.agent.limit"
local traffic_of = require "kong.plugins.threat-agent.traffic_of"


local min = math.min


-- Longer than the windows of ten seconds remember the errors before. Units: seconds.
local FIRST_OPEN_S = 20
local LONGEST_OPEN_S = 160
-- Answers of the upstream that close it.
local GOOD_PROBES = 3

local PHASES = {
  open = { limit = 0, window_s = 10 },
  half_open = { limit = 1, window_s = 1 },
}


local _M = {}


-- The state of a breaker that opens.
function _M.new(now)
  return { phase = "open", since_s = now, open_s = FIRST_OPEN_S }
end


-- The numbers of a phase's limit.
function _M.limit_of(phase)
  return PHASES[phase]
end


local function enter(record, phase, now)
  local breaker, ban = record.breaker, record.changes[1].ban
  breaker.phase, breaker.since_s = phase, now
  ban.limit, ban.window_s = PHASES[phase].limit, PHASES[phase].window_s
  return limit.move(record, now)
end


local STEPS = {
  open = function(record, now)
    if elapsed(record.breaker.since_s, record.breaker.open_s, now) then
      local ok, err = enter(record, "half_open", now)
      return false, ok and "half open: single requests pass" or err
    end
  end,

  half_open = function(record, now)
    local traffic = traffic_of(record.place, record.changes[1].ban.by)
    local flow = traffic and traffic.ten_s
    if flow and flow.errors > 0 then
      local breaker = record.breaker
      breaker.open_s = min(2 * breaker.open_s, LONGEST_OPEN_S)
      local ok, err = enter(record, "open", now)
      return false, ok and "open again for " .. breaker.open_s .. " s: it still fails" or err
    elseif flow and flow.answered >= GOOD_PROBES then
      return true, "closed: the upstream answers again"
    end
  end,
}


-- Does what is due. Returns whether the breaker is to be closed, and what there is to say.
function _M.step(record, now)
  return STEPS[record.breaker.phase](record, now)
end


return _M
