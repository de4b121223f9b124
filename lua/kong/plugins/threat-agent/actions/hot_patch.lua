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

  return plugins.plan(record, step, client, "pre-function", { access = { code } }, function(standing)
    local access = {}
    for i, chunk in ipairs(type(standing.access) == "table" and standing.access or {}) do
      access[i] = chunk
    end
    local before = standing.access or {}
    access[#access + 1] = code
    return { access = access }, { access = before }
  end)
end


return _M
