-- What actions that come down to a plugin have in common: Kong allows one of a name on a scope, so
-- one that stands there is changed, and otherwise one is made.

local wider = require "kong.plugins.threat-agent.actions.wider"


local _M = {}


-- The scope of an action: its route, or the service where the step says so.
-- Returns kind, id and the plugin's field for it; nil and why not.
function _M.scope(record, step)
  local place = record.place
  if step.target == "service" and place.service ~= "" then
    return "services", place.service, "service"
  elseif step.target == "route" and place.route ~= "" then
    return "routes", place.route, "route"
  end

  return nil, "the incident has no " .. step.target
end


-- Whether a plugin is for a part of a scope only.
local function is_narrower(plugin, kind)
  if kind == "consumers" then
    return type(plugin.route) == "table" or type(plugin.service) == "table"
  end

  return type(plugin.consumer) == "table" or type(plugin.consumer_group) == "table"
end


-- Finds the plugin of a name on a scope; false when there is none.
function _M.find(client, kind, id, name)
  local found, err, passes = client:plugins_of(kind, id)
  if not found then
    return nil, err, passes
  end

  for _, plugin in ipairs(found) do
    if plugin.name == name and not is_narrower(plugin, kind) then
      return plugin
    end
  end

  return false
end


-- Plans a plugin of a name on the record's scope. config_beside: gives the config of a new one, by that of the plugin whose
-- place it takes, or nil; or nil and what is to be said of that. change_of: gives the change of one that stands, by that
-- config, too; or nil and what is to be said of it.
local function plan(record, step, client, name, config_beside, change_of)
  local kind, id, field = _M.scope(record, step)
  if not kind then
    return nil, id
  end

  local api, err, passes = client()
  if not api then
    return nil, err, passes or false
  end

  local standing, over
  standing, err, passes = _M.find(api, kind, id, name)
  if standing == nil then
    return nil, err, passes or false
  end

  local config
  if not standing or not standing.enabled then
    over, err, passes = wider(record.place, field, name)
    if over == nil then
      return nil, err, passes
    end
    config, err = config_beside(over and over.config or nil)
    if not config then
      return nil, "a " .. name .. " plugin stands on " .. (over.service and "its service" or "all routes") .. " that " .. err
    end
  end

  local change = { op = "create", kind = "plugins", entity = { name = name, [field] = { id = id }, config = config } }
  if standing then
    change, err = change_of(standing, config)
    if not change then
      return nil, "a " .. name .. " plugin stands there that " .. err
    end
  end

  record.changes = { change }
  return true
end


-- Plans the same. tighten(standing, config): gives the fields of a standing one's config to set, and what stands
-- there; nil where there is nothing to tighten, and why where that is not that it is as strict. config: what a new one
-- would have, where the standing one is switched off: it is switched on, and nothing of what it was may come with that.
function _M.plan(record, step, client, name, config_beside, tighten)
  return plan(record, step, client, name, config_beside, function(standing, config)
    local set, before = tighten(standing.config, config)
    if not set then
      return nil, before or "is as strict"
    end

    return { op = "patch", kind = "plugins", id = standing.id, tags = standing.tags,
             set = { config = set, enabled = true }, before = { config = before, enabled = standing.enabled } }
  end)
end


-- Plans code for Kong's pre-function or post-function on the record's scope, after what stands there. What others have
-- written is not copied to where it did not stand.
function _M.plan_code(record, step, client, name, code)
  return plan(record, step, client, name, function(over)
    if over then
      return nil, "would no longer run there"
    end

    return { access = { code } }
  end, function(standing)
    if not standing.enabled then
      return nil, "is switched off: its own code is not to run"
    end

    return { op = "insert", kind = "plugins", id = standing.id, tags = standing.tags, option = "access", value = code }
  end)
end


return _M
