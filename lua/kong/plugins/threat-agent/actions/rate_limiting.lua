-- Kong's rate-limiting by client address on the incident's route or service: without a number from
-- the policy, at what the busiest ordinary clients need.

local native = require "kong.plugins.threat-agent.native"
local plugins = require "kong.plugins.threat-agent.actions.plugins"


-- Where nothing was learned.
local UNLEARNED_PER_MINUTE = 600
-- Windows of ten seconds in a minute.
local WINDOWS = 6


local _M = {}


local function limit_of(record, step)
  if step.per_minute then
    return step.per_minute
  end

  local place = record.place
  local traffic = native.traffic({ client_ip = "", workspace = place.workspace, route = place.route,
                                   service = place.service, consumer = "" })
  local hot = traffic and traffic.hot_limit or 0
  return hot > 0 and WINDOWS * hot or UNLEARNED_PER_MINUTE
end


function _M.plan(record, _, step, client)
  local limit = limit_of(record, step)
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
