-- Kong's request-termination on the incident's route or service: all of its requests are answered
-- at the gateway.

local effect = require "kong.plugins.threat-agent.effect"
local plugins = require "kong.plugins.threat-agent.actions.plugins"
local termination = require "kong.plugins.threat-agent.actions.termination"


local _M = {}


-- The share of the requests that go well which a record would refuse now.
function _M.touches(record)
  return effect.good_ratio(record.place, record.target)
end


function _M.plan(record, _, step, client)
  record.touches_ratio = _M.touches(record)
  return plugins.plan(record, step, client, "request-termination", function()
    return { status_code = step.status_code, message = step.message }
  end, function(standing, config)
    return termination(standing, config == nil, step.status_code, step.message)
  end)
end


return _M
