-- Kong's request-termination on the incident's route or service: all of its requests are answered
-- at the gateway.

local effect = require "kong.plugins.threat-agent.effect"
local plugins = require "kong.plugins.threat-agent.actions.plugins"
local termination = require "kong.plugins.threat-agent.actions.termination"


local _M = {}


function _M.plan(record, _, step, client)
  record.touches_ratio = effect.good_ratio(record.place, step.target)
  local config = { status_code = step.status_code, message = step.message }
  return plugins.plan(record, step, client, "request-termination", config, function(standing, is_enabled)
    return termination(standing, is_enabled, step.status_code, step.message)
  end)
end


return _M
