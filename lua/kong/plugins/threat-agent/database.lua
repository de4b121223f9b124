-- Kong's entities, whatever workspace they are in.

local elapsed = require "kong.plugins.threat-agent.elapsed"


local kong = kong
local ngx = ngx
local ipairs = ipairs
local pcall = pcall
local tostring = tostring
local type = type


local EVERYWHERE = { workspace = ngx.null, show_ws_id = true }
local PAGE = 1000

-- Counting reads them all: the number is kept for a while. Units: seconds.
local KEPT_S = 60
local MOST_COUNTED = 100000


local _M = {}


local counted = {}     -- kind → { number, at }


-- Goes through all entities of a kind, such as "routes". Yields an entity, or false and an error.
function _M.each(kind)
  return kong.db[kind]:each(PAGE, EVERYWHERE)
end


-- Finds an entity by its id. Returns nil where there is none, also because the plugin that brings the kind
-- is not loaded; nil and an error where it cannot be read.
function _M.select(kind, id)
  local dao = kong.db[kind]
  if not dao then
    return nil
  end

  local ok, entity, err = pcall(dao.select, dao, { id = id }, EVERYWHERE)
  if not ok then
    return nil, entity
  end

  return type(entity) == "table" and entity or nil, err
end


-- How many entities of a kind there are, as far as that is worth counting.
function _M.count(kind)
  local now = ngx.now()
  local known = counted[kind] or { number = 0 }
  if known.at and not elapsed(known.at, KEPT_S, now) then
    return known.number
  end

  local number = 0
  for entity, err in _M.each(kind) do
    if not entity then
      kong.log.warn("could not count the ", kind, ": ", err)
      return known.number
    end

    number = number + 1
    if number >= MOST_COUNTED then
      break
    end
  end

  counted[kind] = { number = number, at = now }
  return number
end


-- The ids of all workspaces. Returns nil and an error where they cannot be read.
function _M.workspaces()
  local ids = {}
  if not kong.db.workspaces then
    return { kong.default_workspace }
  end

  for workspace, err in _M.each("workspaces") do
    if not workspace then
      return nil, "could not read the workspaces: " .. tostring(err)
    end
    ids[#ids + 1] = workspace.id
  end

  return ids
end


-- The name of a workspace. Returns nil where it is not known; nil and an error where it cannot be read.
function _M.workspace_name(id)
  local workspace, err = _M.select("workspaces", id)
  return workspace and workspace.name, err
end


-- Whether a workspace is known to be gone: all can be read, the default one is among them, and it is not. A data plane has
-- none before its configuration has come.
function _M.is_gone(id)
  local has_default = false
  for _, workspace in ipairs(kong.db.workspaces and _M.workspaces() or {}) do
    if workspace == id then
      return false
    end
    has_default = has_default or workspace == kong.default_workspace
  end

  return has_default
end


-- The workspace that an entity is in.
function _M.workspace_of(entity)
  return type(entity.ws_id) == "string" and entity.ws_id or kong.default_workspace
end


-- The workspace that the route or service of a place is in, whoever named the place; its own where both are gone. Returns
-- nil and an error.
function _M.workspace_at(place)
  local entity, err
  if place.route ~= "" then
    entity, err = _M.select("routes", place.route)
  end
  if not entity and not err and place.service ~= "" then
    entity, err = _M.select("services", place.service)
  end
  if err then
    return nil, "could not read where an incident is: " .. err
  end

  return entity and _M.workspace_of(entity) or place.workspace
end


return _M
