-- Kong's request-termination on each consumer that an incident names: whatever credential it shows,
-- and on every node.

local plugins = require "kong.plugins.threat-agent.actions.plugins"
local senders = require "kong.plugins.threat-agent.senders"


local PLUGIN = "request-termination"
local STATUS = 403


local _M = {}


-- Plans for one consumer. Returns the change; false where it is denied already; nil, an error and
-- whether it may pass.
local function change_for(api, consumer, message)
  local config = { status_code = STATUS, message = message }
  local standing, err, passes = plugins.find(api, "consumers", consumer, PLUGIN)
  if standing == nil then
    return nil, err, passes
  elseif not standing then
    return { op = "create", kind = "plugins",
             entity = { name = PLUGIN, consumer = { id = consumer }, config = config } }
  elseif standing.enabled then
    return false
  end

  local before = { status_code = standing.config.status_code, message = standing.config.message or ngx.null }
  return { op = "patch", kind = "plugins", id = standing.id, tags = standing.tags,
           set = { config = config, enabled = true }, before = { config = before, enabled = false } }
end


function _M.plan(record, incident, step, client)
  local found = senders.suspects(incident, "consumer", step.suspicion)
  if #found == 0 then
    return nil, "no consumer is suspected enough"
  end

  local api, err, passes = client()
  if not api then
    return nil, err, passes or false
  end

  local consumers, changes = {}, {}
  for _, consumer in ipairs(found) do
    local change
    change, err, passes = change_for(api, consumer, step.message)
    if change == nil then
      return nil, err, passes or false
    elseif change then
      consumers[#consumers + 1] = consumer
      changes[#changes + 1] = change
    end
  end
  if #changes == 0 then
    return nil, "the consumers are denied already"
  end

  record.by = "consumer"
  record.clients = consumers
  record.changes = changes
  return true
end


return _M
