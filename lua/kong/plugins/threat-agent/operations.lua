-- Which operations an API really has, from the file of profiles that the leader saves: shadow operations are
-- not in the API's document, zombies are deprecated there or are routes that nobody asks for any more.

local cjson = require "cjson.safe"
local elapsed = require "kong.plugins.threat-agent.elapsed"
local files = require "kong.plugins.threat-agent.files"
local names = require "kong.plugins.threat-agent.names"


local ngx = ngx
local ipairs = ipairs
local pairs = pairs
local setmetatable = setmetatable


-- Reading the file and looking for names is dear: what was found is kept for a while.
local KEPT_S = 30
local MAX_BYTES = 16 * 1024 * 1024

-- Changes from one sender to another by which an operation is no single client's.
local CHANGES = 2
-- A deprecated operation is in use, and a route is not, by when it was asked for last.
local USED_S = 30 * 86400


local _M = {}


local kept, read_s = { shadow = {}, zombie = {} }, -KEPT_S


local function entry(route, operation)
  return {
    workspace = route.workspace,
    route = route.route,
    route_name = route.name,
    operation = operation and operation.name,
    first_s = (operation or route).first_s,
    last_s = (operation or route).last_s,
  }
end


-- Finds the operations of a route that stand out: kind → list.
local function stand_out(route, since_s)
  local found = { shadow = {}, zombie = {} }
  for _, operation in ipairs(route.operations) do
    local several = operation.changes >= CHANGES and operation.last_s >= since_s
    if several and not operation.documented then
      table.insert(found.shadow, operation)
    elseif several and operation.deprecated then
      table.insert(found.zombie, operation)
    end
  end

  return found
end


local function read()
  local found = { shadow = {}, zombie = {} }
  local text = files.load(files.PROFILES)
  local saved = text and #text <= MAX_BYTES and cjson.decode(text)
  local since_s = ngx.time() - USED_S
  for _, route in ipairs(type(saved) == "table" and saved.routes or {}) do
    local here, is_idle = stand_out(route, since_s), route.last_s < since_s
    -- A route that is gone is no longer reachable.
    route.name = (is_idle or here.shadow[1] or here.zombie[1]) and names.route(route.route)
    for kind, list in pairs(route.name and here or {}) do
      for _, operation in ipairs(list) do
        table.insert(found[kind], entry(route, operation))
      end
    end
    if route.name and is_idle then
      table.insert(found.zombie, entry(route))
    end
  end

  return found
end


local function list(all, workspace)
  local data = setmetatable({}, cjson.array_mt)
  for _, one in ipairs(all) do
    if workspace == nil or one.workspace == workspace then
      data[#data + 1] = one
    end
  end

  return data
end


-- Lists them: { shadow, zombie }, each of { workspace, route, route_name, operation, first_s, last_s }; of a
-- route that nobody asks for, without an operation. workspace: nil for all.
function _M.list(workspace)
  local now = ngx.now()
  if elapsed(read_s, KEPT_S, now) then
    kept, read_s = read(), now
  end

  return { shadow = list(kept.shadow, workspace), zombie = list(kept.zombie, workspace) }
end


return _M
