-- Kong's rate-limiting by client address on the incident's route or service: without a number from
-- the policy, at what the busiest ordinary clients need.

local entities = require "kong.plugins.threat-agent.entities"
local plugins = require "kong.plugins.threat-agent.actions.plugins"
local usual = require "kong.plugins.threat-agent.actions.usual"


local _M = {}


-- The windows that a rate-limiting may limit beside the minute; a longer one's limit may not be lower.
local LONGER = { "hour", "day", "month", "year" }


-- What is to be set for a plugin's own limits to hold this one as well. Returns nil where they do already, and why where
-- that is not that it is as strict.
local function tightened(config, limit)
  if config.limit_by ~= "ip" then
    return nil, "does not limit by address"
  end

  local minute, second = tonumber(config.minute), tonumber(config.second)
  local is_strict = minute ~= nil and minute <= limit
  for _, window in ipairs(LONGER) do
    local longer = tonumber(config[window])
    is_strict = is_strict or longer ~= nil and longer <= limit
  end
  if is_strict then
    return nil
  end

  return { minute = limit, second = second and second > limit and limit or nil }
end


-- The config of a new one: what it takes the place of goes on limiting as it does. One that counts on all nodes as one in
-- Redis does so by settings that are not copied.
local function limits_beside(over, limit)
  local config = { minute = limit, limit_by = "ip", policy = "local", fault_tolerant = true }
  if not over then
    return config
  elseif over.policy == "redis" then
    return nil, "counts in Redis"
  end

  local set, why = tightened(over, limit)
  if not set then
    return nil, why or "is as strict"
  end

  config.policy = over.policy
  config.second = set.second or tonumber(over.second)
  for _, window in ipairs(LONGER) do
    config[window] = tonumber(over[window])
  end
  return config
end


-- Makes one that is switched off what a new one would be; how it counts is its own.
local function made_of(config)
  local set = { minute = config.minute, second = config.second or ngx.null, limit_by = "ip", fault_tolerant = true }
  for _, window in ipairs(LONGER) do
    set[window] = config[window] or ngx.null
  end

  return set
end


function _M.plan(record, _, step, client)
  local limit = step.per_minute or usual.requests(record.place, 60, step.target)
  return plugins.plan(record, step, client, "rate-limiting", function(over)
    return limits_beside(over, limit)
  end, function(standing, config)
    local set, why
    if config then
      set = made_of(config)
    else
      set, why = tightened(standing, limit)
    end
    return set, set and entities.before(standing, set) or why
  end)
end


return _M
