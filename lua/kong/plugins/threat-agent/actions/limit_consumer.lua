-- Kong's rate-limiting on each consumer that an incident names, on its route, its service or everywhere: whatever
-- credential it shows, from wherever, and on every node. Without a number from the policy, at what the busiest
-- ordinary clients need.
--
-- Of several plugins of a name Kong runs the narrowest only, so that this one takes the place of what limits the consumer,
-- and of what limits everybody there or at a part of that: it is at least as strict as each of those.

local plan_each = require "kong.plugins.threat-agent.actions.consumers"
local database = require "kong.plugins.threat-agent.database"
local usual = require "kong.plugins.threat-agent.actions.usual"


local min = math.min
local ipairs = ipairs
local tonumber = tonumber
local tostring = tostring
local type = type


local PLUGIN = "rate-limiting"
-- From the shortest: none may allow more than a longer one.
local PERIODS = { "second", "minute", "hour", "day", "month", "year" }


local _M = {}


-- What the plugin is put on beside the consumer. Returns kind and id; nothing for everywhere.
local function narrower(record, step)
  if step.scope == "route" and record.place.route ~= "" then
    return "route", record.place.route
  elseif step.scope ~= "global" and record.place.service ~= "" then
    return "service", record.place.service
  end
end


local function id_of(plugin, field)
  return type(plugin[field]) == "table" and plugin[field].id or nil
end


-- Takes the limits of a configuration where they are lower.
local function lower(into, config)
  for _, period in ipairs(PERIODS) do
    local limit = tonumber(config[period])
    into[period] = limit and min(limit, into[period] or limit) or into[period]
  end
end


-- Whether a plugin that is for everybody gives way to one on the consumer. field: what that is put on beside the
-- consumer, as narrower() tells it.
local function gives_way(plugin, place, field)
  local route, service = id_of(plugin, "route"), id_of(plugin, "service")
  if route and field == "service" then
    local found = database.select("routes", route)
    service = found and id_of(found, "service")
  elseif route and field == "route" then
    return route == place.route
  end

  return not field or not service or service == place.service
end


-- The limits of what gives way. Returns nil, an error and that it may pass.
local function limits_at(place, field)
  local workspace, failure = database.workspace_at(place)
  if not workspace then
    return nil, failure, true
  end

  local found = {}
  for plugin, err in database.each("plugins") do
    if not plugin then
      return nil, "could not read the plugins: " .. tostring(err), true
    end

    local is_for_all = not id_of(plugin, "consumer") and not id_of(plugin, "consumer_group")
    if plugin.name == PLUGIN and plugin.enabled and is_for_all
       and database.workspace_of(plugin) == workspace and gives_way(plugin, place, field)
    then
      lower(found, plugin.config)
    end
  end

  return found
end


local function config_with(limits, minute)
  local config = { limit_by = "consumer", policy = "local", fault_tolerant = true }
  local longer
  for i = #PERIODS, 1, -1 do
    local period = PERIODS[i]
    local limit = period == "minute" and min(minute, limits.minute or minute) or limits[period]
    config[period] = limit and min(limit, longer or limit) or nil
    longer = config[period] or longer
  end

  return config
end


-- Plans for one consumer. Returns the change; false where a limit of its own stands there, which is somebody's
-- decision; nil, an error and whether it may pass.
local function change_for(api, consumer, place_limits, minute, field, id)
  local found, err, passes = api:plugins_of("consumers", consumer)
  if not found then
    return nil, err, passes
  end

  local limits = {}
  lower(limits, place_limits)
  for _, plugin in ipairs(found) do
    local route, service = id_of(plugin, "route"), id_of(plugin, "service")
    local is_limit = plugin.name == PLUGIN
    if is_limit and route == (field == "route" and id or nil) and service == (field == "service" and id or nil) then
      return false
    elseif is_limit and plugin.enabled and not route and not service then
      lower(limits, plugin.config)
    end
  end

  local entity = { name = PLUGIN, consumer = { id = consumer }, config = config_with(limits, minute) }
  if field then
    entity[field] = { id = id }
  end
  return { op = "create", kind = "plugins", entity = entity }
end


function _M.plan(record, incident, step, client)
  local field, id = narrower(record, step)
  local api, err, passes = client()
  local place_limits
  if api then
    place_limits, err, passes = limits_at(record.place, field)
  end
  if not place_limits then
    return nil, err, passes or false
  end

  local minute = step.per_minute or usual.requests(record.place, 60)
  return plan_each(record, incident, step, function(consumer)
    return change_for(api, consumer, place_limits, minute, field, id)
  end, "the consumers have limits of their own there already")
end


return _M
