-- A temporary mitigation on the incident's route: Kong's pre-function, from a vetted template or one of the
-- operator's, whose parameters are written as Lua literals.

local plugins = require "kong.plugins.threat-agent.actions.plugins"
local settings = require "kong.plugins.threat-agent.settings"
local templates = require "kong.plugins.threat-agent.actions.templates"


local _M = {}


function _M.plan(record, _, step, client)
  local conf = settings.platform()
  local code, err = templates.render(step.template, step.parameter, conf and conf.response.templates)
  if not code then
    return nil, err
  end

  return plugins.plan_code(record, step, client, "pre-function", code)
end


return _M
