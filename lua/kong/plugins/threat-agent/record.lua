-- What Kong's log plugins get to see of a verdict, under the key `threat_agent`.

local tally = require "kong.plugins.threat-agent.tally"


local kong = kong


local KEY = "threat_agent"


local _M = {}


-- Writes the verdict for the log plugins; nil when nothing looked at the request.
function _M.write(conf, verdict)
  local mode = conf.mode
  if not verdict then
    kong.log.set_serialize_value(KEY, { mode = mode, verdict = "uninspected" })
    return
  end

  if not verdict.rules and not verdict.uninspected then
    kong.log.set_serialize_value(KEY, { mode = mode, verdict = verdict.action, score = 0 })
    return
  end

  tally.verdict(conf, verdict)
  kong.log.set_serialize_value(KEY, {
    mode = mode,
    verdict = verdict.action,
    enforced = verdict.enforced == true,
    category = verdict.category,
    score = verdict.score,
    rules = verdict.rules,
    reason = verdict.reason,
    incident = verdict.incident,
    uninspected = verdict.uninspected,
    uninspected_bytes = verdict.uninspected_bytes,
  })
end


return _M
