-- What actions that come down to a plugin have in common: Kong allows one of a name on a scope, so
-- one that stands there is changed, and otherwise one is made.

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

  return type(plugin.consumer) == "table"
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


-- Plans a plugin of a name on the record's scope. config: of a new one. change_of: gives the change of one that
-- stands; or nil and what is to be said of it.
local function plan(record, step, client, name, config, change_of)
  local kind, id, field = _M.scope(record, step)
  if not kind then
    return nil, id
  end

  local api, err, passes = client()
  if not api then
    return nil, err, passes or false
  end

  local standing
  standing, err, passes = _M.find(api, kind, id, name)
  if standing == nil then
    return nil, err, passes or false
  end

  local change = { op = "create", kind = "plugins", entity = { name = name, [field] = { id = id }, config = config } }
  if standing then
    change, err = change_of(standing)
    if not change then
      return nil, "a " .. name .. " plugin stands there that " .. err
    end
  end

  record.changes = { change }
  return true
end


-- Plans the same. tighten(config, is_enabled): gives the fields of a standing one's config to set, and what stands
-- there; nil where there is nothing to tighten, and why where that is not that it is as strict. One that is
-- switched off is switched on: nothing of what it was may come with that.
function _M.plan(record, step, client, name, config, tighten)
  return plan(record, step, client, name, config, function(standing)
    local set, before = tighten(standing.config, standing.enabled)
    if not set then
      return nil, before or "is as strict"
    end

    return { op = "patch", kind = "plugins", id = standing.id, tags = standing.tags,
             set = { config = set, enabled = true }, before = { config = before, enabled = standing.enabled } }
  end)
end


-- Plans code for Kong's pre-function or post-function on the record's scope, after what stands there.
function _M.plan_code(record, step, client, name, code)
  return plan(record, step, client, name, { access = { code } }, function(standing)
    if not standing.enabled then
      return nil, "is switched off: its own code is not to run"
    end

    return { op = "insert", kind = "plugins", id = standing.id, tags = standing.tags, option = "access", value = code }
  end)
end


return _M
