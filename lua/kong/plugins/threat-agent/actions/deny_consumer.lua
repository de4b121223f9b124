-- Kong's request-termination on each consumer that an incident names: whatever credential it shows,
-- and on every node.

local plan_each = require "kong.plugins.threat-agent.actions.consumers"
local plugins = require "kong.plugins.threat-agent.actions.plugins"
local termination = require "kong.plugins.threat-agent.actions.termination"


local PLUGIN = "request-termination"
local STATUS = 403


local _M = {}


-- Plans for one consumer. Returns the change; false where it is denied already; nil, an error and
-- whether it may pass.
local function change_for(api, consumer, message)
  local standing, err, passes = plugins.find(api, "consumers", consumer, PLUGIN)
  if standing == nil then
    return nil, err, passes
  elseif not standing then
    return { op = "create", kind = "plugins",
             entity = { name = PLUGIN, consumer = { id = consumer },
                        config = { status_code = STATUS, message = message } } }
  end

  local set, before = termination(standing.config, standing.enabled, STATUS, message)
  return set and {
    op = "patch", kind = "plugins", id = standing.id, tags = standing.tags,
    set = { config = set, enabled = true }, before = { config = before, enabled = standing.enabled },
  } or false
end


function _M.plan(record, incident, step, client)
  local api, err, passes = client()
  if not api then
    return nil, err, passes or false
  end

  return plan_each(record, incident, step, function(consumer)
    return change_for(api, consumer, step.message)
  end, "the consumers are denied already")
end


return _M
