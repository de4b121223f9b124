-- Switches a plugin of the incident's route or service off; one that guards it stays on.

local guards = require "kong.plugins.threat-agent.guards"
local plugins = require "kong.plugins.threat-agent.actions.plugins"


local _M = {}


function _M.plan(record, _, step, client)
  if guards.is_guard(step.plugin) then
    return nil, step.plugin .. " guards the gateway and is not switched off"
  end

  local kind, id = plugins.scope(record, step)
  if not kind then
    return nil, id
  end

  local api, err, passes = client()
  local plugin
  if api then
    plugin, err, passes = plugins.find(api, kind, id, step.plugin)
  end
  if not plugin then
    return nil, err or "no " .. step.plugin .. " plugin stands there", passes
  elseif not plugin.enabled then
    return nil, "the " .. step.plugin .. " plugin that stands there is switched off already"
  end

  record.changes = {
    { op = "patch", kind = "plugins", id = plugin.id, tags = plugin.tags, set = { enabled = false },
      before = { enabled = true } },
  }
  return true
end


return _M
