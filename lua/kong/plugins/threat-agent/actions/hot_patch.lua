-- A temporary mitigation on the incident's route: Kong's pre-function, from a vetted template whose
-- parameters are written as Lua literals.

local plugins = require "kong.plugins.threat-agent.actions.plugins"
local templates = require "kong.plugins.threat-agent.actions.templates"


local _M = {}


function _M.plan(record, _, step, client)
  local code, err = templates.render(step.template, step.parameter)
  if not code then
    return nil, err
  end

  return plugins.plan_code(record, step, client, "pre-function", code)
end


return _M
