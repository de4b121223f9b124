-- Phases only: each says in a line what happens in it.

local agent = require "kong.plugins.threat-agent.agent"
local answer = require "kong.plugins.threat-agent.answer"
local audit = require "kong.plugins.threat-agent.audit"
local guard = require "kong.plugins.threat-agent.guard"
local inspection = require "kong.plugins.threat-agent.inspection"
local library = require "kong.plugins.threat-agent.library"
local prometheus = require "kong.plugins.threat-agent.prometheus"
local record = require "kong.plugins.threat-agent.record"
local response = require "kong.plugins.threat-agent.response"
local worker = require "kong.plugins.threat-agent.worker"


local kong = kong


local ThreatAgent = {
  -- After the bundled authentication plugins (the last is header-cert-auth, 1009), before limits.
  PRIORITY = 1008,
  VERSION = library.VERSION,
}


worker.prepare_master()


function ThreatAgent:init_worker()
  if worker.start(self) then
    agent.start()
    prometheus.start()
  end
end


-- Compiles before the first request needs it. Kong 3.4 does not call it: kong_3_4.lua does.
function ThreatAgent:configure(configs)
  guard.configure(configs or {})
  agent.configure(configs or {})
end


-- Runs for global instances only: refuses banned clients before anything is routed.
function ThreatAgent:rewrite(conf)
  agent.remember(conf)
  local verdict = inspection.early(conf)
  if verdict and verdict.refuses then
    kong.ctx.plugin.verdict = verdict
    return response.enforce(verdict)
  end
end


function ThreatAgent:access(conf)
  if audit.receive() then
    return
  end

  local verdict = inspection.run(conf) or false
  kong.ctx.plugin.verdict = verdict
  return response.apply(conf, verdict)
end


function ThreatAgent:body_filter()
  answer.read(kong.ctx.plugin.verdict)
end


-- Sees also what never reached `access`: unknown routes, and refusals by other plugins.
function ThreatAgent:log(conf)
  if audit.write() then
    return
  end

  record.write(conf, inspection.finish(conf, kong.ctx.plugin.verdict))
end


return ThreatAgent
