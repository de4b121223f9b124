-- An operation: a value among those of a list in a plugin's configuration that is somebody's. Only the value
-- is the agent's, and only that is written down: what stands beside it may hold secrets.
--
-- change: { kind, id, option, value }. Each returns what those of agent/operations.lua do.

local cjson = require "cjson.safe"


local ipairs = ipairs
local type = type


local _M = {}


-- The list without the value, and whether that was in it.
local function without(entity, change)
  local rest, is_there = setmetatable({}, cjson.array_mt), false
  local list = type(entity.config) == "table" and entity.config[change.option]
  for _, value in ipairs(type(list) == "table" and list or {}) do
    if value == change.value then
      is_there = true
    else
      rest[#rest + 1] = value
    end
  end

  return rest, is_there
end


local function set(change, client, list)
  local changed, err, passes = client:patch(change.kind, change.id, { config = { [change.option] = list } })
  if changed == false then
    return nil, change.kind .. "/" .. change.id .. " is gone", false
  end

  return changed and true, err, passes
end


function _M.apply(change, client)
  local entity, err, passes = client:get(change.kind, change.id)
  if entity == nil then
    return nil, err, passes
  elseif entity == false then
    return nil, change.kind .. "/" .. change.id .. " is gone", false
  end

  local list, is_there = without(entity, change)
  if is_there then
    return true
  end

  list[#list + 1] = change.value
  return set(change, client, list)
end


function _M.revert(change, client)
  local entity, err, passes = client:get(change.kind, change.id)
  if entity == nil then
    return nil, err, passes
  end

  local list, is_there
  if entity then
    list, is_there = without(entity, change)
  end
  if not is_there then
    return true
  end

  return set(change, client, list)
end


function _M.stands(change, client)
  local entity = client:get(change.kind, change.id)
  if not entity then
    return entity
  end

  local _, is_there = without(entity, change)
  return is_there
end


return _M
