-- Kong's request-termination on the incident's route or service: all of its requests are answered
-- at the gateway.

local effect = require "kong.plugins.threat-agent.effect"
local plugins = require "kong.plugins.threat-agent.actions.plugins"
local termination = require "kong.plugins.threat-agent.actions.termination"


local _M = {}


function _M.plan(record, _, step, client)
  record.touches_ratio = effect.good_ratio(record.place, step.target)
  return plugins.plan(record, step, client, "request-termination", function()
    return { status_code = step.status_code, message = step.message }
  end, function(standing, config)
    return termination(standing, config == nil, step.status_code, step.message)
  end)
end


return _M
