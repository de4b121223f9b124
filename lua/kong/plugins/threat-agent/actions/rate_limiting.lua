-- Kong's rate-limiting by client address on the incident's route or service: without a number from
-- the policy, at what the busiest ordinary clients need.

local entities = require "kong.plugins.threat-agent.entities"
local plugins = require "kong.plugins.threat-agent.actions.plugins"
local usual = require "kong.plugins.threat-agent.actions.usual"


local _M = {}


-- The windows that a rate-limiting may limit beside the minute; a longer one's limit may not be lower.
local LONGER = { "hour", "day", "month", "year" }


-- Makes one that is switched off a limit of a minute alone.
local function only_minute(standing, limit)
  local set = { minute = limit, second = ngx.null, limit_by = "ip", fault_tolerant = true }
  for _, window in ipairs(LONGER) do
    set[window] = ngx.null
  end

  return set, entities.before(standing, set)
end


local function tighten(standing, is_enabled, limit)
  if not is_enabled then
    return only_minute(standing, limit)
  elseif standing.limit_by ~= "ip" then
    return nil, "does not limit by address"
  end

  local minute, second = tonumber(standing.minute), tonumber(standing.second)
  local is_strict = minute ~= nil and minute <= limit
  for _, window in ipairs(LONGER) do
    local longer = tonumber(standing[window])
    is_strict = is_strict or longer ~= nil and longer <= limit
  end
  if is_strict then
    return nil
  end

  local set, before = { minute = limit }, { minute = minute or ngx.null }
  if second and second > limit then
    set.second, before.second = limit, second
  end

  return set, before
end


function _M.plan(record, _, step, client)
  local limit = step.per_minute or usual.requests(record.place, 60)
  local config = { minute = limit, limit_by = "ip", policy = "local", fault_tolerant = true }
  return plugins.plan(record, step, client, "rate-limiting", config, function(standing, is_enabled)
    return tighten(standing, is_enabled, limit)
  end)
end


return _M
