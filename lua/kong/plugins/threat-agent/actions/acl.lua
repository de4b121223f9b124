-- Puts each consumer that an incident names into a group that Kong's acl on its route or service denies:
-- whatever credential it shows, wherever that group is denied.

local plan_each = require "kong.plugins.threat-agent.actions.consumers"
local plugins = require "kong.plugins.threat-agent.actions.plugins"


local PLACES = { { kind = "routes", field = "route" }, { kind = "services", field = "service" } }


local _M = {}


-- Finds a denied group. Returns false where there is none; nil, an error and whether it may pass.
local function denied_group(api, place)
  for _, scope in ipairs(PLACES) do
    local id = place[scope.field]
    if id ~= "" then
      local acl, err, passes = plugins.find(api, scope.kind, id, "acl")
      if acl == nil then
        return nil, err, passes
      end

      local deny = acl and acl.enabled and acl.config.deny
      if type(deny) == "table" and deny[1] then
        return deny[1]
      elseif acl then
        -- The narrower one takes the place of the wider.
        return false
      end
    end
  end

  return false
end


-- Plans for one consumer. Returns the change; false where it is in the group already; nil, an error and
-- whether it may pass.
local function change_for(api, consumer, group)
  local groups, err, passes = api:groups_of(consumer)
  if not groups then
    return nil, err, passes
  end

  for _, entry in ipairs(groups) do
    if entry.group == group then
      return false
    end
  end

  return { op = "create", kind = "acls", entity = { group = group, consumer = { id = consumer } } }
end


function _M.plan(record, incident, step, client)
  local api, err, passes = client()
  local group
  if api then
    group, err, passes = denied_group(api, record.place)
  end
  if not group then
    return nil, err or "no acl plugin stands there that denies a group", passes or false
  end

  return plan_each(record, incident, step, function(consumer)
    return change_for(api, consumer, group)
  end, "the consumers are in the denied group already")
end


return _M
