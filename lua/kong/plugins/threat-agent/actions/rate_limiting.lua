-- Kong's rate-limiting by client address on the incident's route or service: without a number from
-- the policy, at what the busiest ordinary clients need.

local plugins = require "kong.plugins.threat-agent.actions.plugins"
local usual = require "kong.plugins.threat-agent.actions.usual"


local _M = {}


function _M.plan(record, _, step, client)
  local limit = step.per_minute or usual.requests(record.place, 60)
  local config = { minute = limit, limit_by = "ip", policy = "local", fault_tolerant = true }
  return plugins.plan(record, step, client, "rate-limiting", config, function(standing)
    local minute = tonumber(standing.minute)
    if standing.limit_by ~= "ip" or (minute and minute <= limit) then
      return nil
    end

    return { minute = limit }, { minute = minute or ngx.null }
  end)
end


return _M
