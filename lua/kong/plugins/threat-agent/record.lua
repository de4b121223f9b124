-- What Kong's log plugins and tracers get to see of a verdict: under the key `threat_agent`, and as
-- attributes of the root span.

local span = require "kong.plugins.threat-agent.span"
local tally = require "kong.plugins.threat-agent.tally"


local kong = kong


local KEY = "threat_agent"


local _M = {}


local function tell(told)
  kong.log.set_serialize_value(KEY, told)
  span.write(told)
end


-- What is told to have been decided: what passes since the engine failed before it had seen all was not let pass by it.
local function decided(verdict)
  return verdict.failed and verdict.action == "allow" and "uninspected" or verdict.action
end


-- Writes the verdict; nil when nothing looked at the request.
function _M.write(conf, verdict)
  local mode = conf.mode
  if not verdict then
    return tell({ mode = mode, verdict = "uninspected" })
  end

  if not verdict.rules and not verdict.uninspected and not verdict.shadow then
    return tell({ mode = mode, verdict = decided(verdict), score = 0 })
  end

  tally.verdict(conf, verdict)
  local seen = verdict.seen
  return tell({
    mode = mode,
    verdict = decided(verdict),
    enforced = verdict.enforced == true,
    category = verdict.category,
    score = verdict.score,
    rules = verdict.rules,
    reason = verdict.reason,
    incident = verdict.incident,
    uninspected = verdict.uninspected,
    uninspected_bytes = verdict.uninspected_bytes,
    shadow = verdict.shadow,
    outcome = seen and seen.outcome,
    signs = seen and seen.signs,
  })
end


return _M
