-- What the gateway's configuration was, and what has changed in it: from Kong's own database or
-- memory, so that it is the same in every topology, data planes included.

local cjson = require "cjson.safe"
local database = require "kong.plugins.threat-agent.database"
local deck_history = require "kong.plugins.threat-agent.deck_history"
local entities = require "kong.plugins.threat-agent.entities"
local entity_copy = require "kong.plugins.threat-agent.entity_copy"
local files = require "kong.plugins.threat-agent.files"
local snapshot_files = require "kong.plugins.threat-agent.snapshot_files"


local ngx = ngx
local ipairs = ipairs
local pairs = pairs
local type = type


local KINDS = { "services", "routes", "plugins", "upstreams", "targets" }
-- A larger configuration is not followed.
local MAX_ENTITIES = 5000
-- Changes that are remembered.
local MAX_CHANGES = 64
-- Units: seconds.
local LONG_AGO_S = 600


local _M = {}


local last                -- kind → id → entity
local changes = {}        -- oldest first: { wall_s, kind, id, name, before, after }


-- Reads the configuration: kind → id → what is kept of an entity, and kind → list of entities as they
-- stand. Returns nil and why where it cannot be followed.
local function take()
  local taken, standing, count = {}, {}, 0
  for _, kind in ipairs(KINDS) do
    taken[kind], standing[kind] = {}, {}
    for entity, err in database.each(kind) do
      if err then
        return nil, "could not read the configuration: " .. err
      end

      count = count + 1
      if count > MAX_ENTITIES then
        return nil, "the configuration has more than " .. MAX_ENTITIES .. " entities: changes are not followed"
      end
      taken[kind][entity.id] = entity_copy(entity)
      entity.ws_id = database.workspace_of(entity)
      table.insert(standing[kind], entity)
    end
  end

  return taken, standing
end


local function name_of(entity)
  return entity.name or entity.target or entity.id
end


local function note(found, wall_s, kind, before, after)
  local entity = after or before
  found[#found + 1] = {
    wall_s = wall_s,
    kind = kind,
    id = entity.id,
    name = name_of(entity),
    before = before,
    after = after,
  }
end


local function compare(old, new, wall_s)
  local found = {}
  for _, kind in ipairs(KINDS) do
    for id, entity in pairs(new[kind]) do
      local before = old[kind][id]
      if not before then
        note(found, wall_s, kind, nil, entity)
      elseif not entities.same(before, entity) then
        note(found, wall_s, kind, before, entity)
      end
    end
    for id, entity in pairs(old[kind]) do
      if not new[kind][id] then
        note(found, wall_s, kind, entity, nil)
      end
    end
  end

  return found
end


local function save(name, value)
  local ok, err = files.save(name, cjson.encode(value))
  if not ok then
    kong.log.err("could not keep what the configuration was: ", err)
  end
end


-- Writes down which changes there were: whoever leads next may have to take one back.
function _M.save_changes()
  save(files.CHANGES, setmetatable(changes, cjson.array_mt))
end


-- What decK files in a folder say that stood before, or what stands now where they do not say. What Kong changed long
-- ago explains nothing that begins now; without a database everything is as old as its load.
local function before(taken, standing, folder)
  if not folder then
    return taken
  end

  local now, changed_s = ngx.time(), {}
  for _, kind in ipairs(KINDS) do
    for _, entity in ipairs(standing[kind]) do
      changed_s[entity.id] = tonumber(entity.updated_at)
    end
  end
  local earlier, name = deck_history.find(folder, taken, entity_copy, function(_, id)
    return now - (changed_s[id] or now) < LONG_AGO_S
  end)
  if earlier then
    kong.log.notice("what the configuration was before is taken from ", folder, "/", name)
  elseif name then
    kong.log.warn("decK files as history: ", name)
  end
  return earlier or taken
end


-- Whether there is a configuration to compare with: where not even this plugin stands, a data plane has not reached
-- its control plane yet, and what comes is no change.
local function is_one(snapshot)
  for _, kind in ipairs(type(snapshot) == "table" and KINDS or {}) do
    if type(snapshot[kind]) ~= "table" then
      return false
    end
  end

  return type(snapshot) == "table" and next(snapshot.plugins) ~= nil
end


-- Takes up the snapshot and the changes of the last leader, where there are any.
function _M.open()
  local known, snapshot = cjson.decode(files.load(files.CHANGES) or ""), cjson.decode(files.load(files.SNAPSHOT) or "")
  changes = type(known) == "table" and known or {}
  last = is_one(snapshot) and snapshot or nil
  return true
end


-- Compares what stands with the last snapshot; where there is none, with what decK files in a folder (nil: none) say.
-- Returns the list of changes, and all that stands: kind → list of entities with their ws_id, secrets included, not to
-- be kept. nil and an error.
function _M.follow(wall_s, folder)
  local new, standing = take()
  if not new then
    return nil, standing
  elseif not last and not is_one(new) then
    return {}, standing
  end

  local is_first = not last
  local found = compare(last or before(new, standing, folder), new, wall_s)
  for _, change in ipairs(found) do
    changes[#changes + 1] = change
    if #changes > MAX_CHANGES then
      table.remove(changes, 1)
    end
  end
  if #found > 0 or is_first then
    -- In this order: a change may be found twice, and none is lost.
    _M.save_changes()
    last = new
    save(files.SNAPSHOT, new)
  end
  if #found > 0 or snapshot_files.is_due(wall_s) then
    local ok, err = snapshot_files.keep(new, wall_s)
    if not ok then
      kong.log.err("could not keep a snapshot: ", err)
    end
  end

  return found, standing
end


-- The entities of a kind as they stand, by their ids.
function _M.all(kind)
  return last and last[kind] or {}
end


-- An entity as it stands; nil when there is none of the id.
function _M.entity(kind, id)
  return _M.all(kind)[id]
end


-- The ids of a service's routes, as they stand.
function _M.routes_of(service)
  local found = {}
  for id, route in pairs(_M.all("routes")) do
    if type(route.service) == "table" and route.service.id == service then
      found[#found + 1] = id
    end
  end

  return found
end


-- The changes since a moment, oldest first.
function _M.since(wall_s)
  local found = {}
  for _, change in ipairs(changes) do
    if change.wall_s >= wall_s then
      found[#found + 1] = change
    end
  end

  return found
end


-- Names the fields that a change touches, for people and for the engine's search for suspects.
function _M.describe(change)
  local what = not change.before and "created" or not change.after and "deleted" or "updated"
  local fields = {}
  for name, value in pairs(change.before and change.after or {}) do
    if not entities.same(change.before[name], value) then
      fields[#fields + 1] = name
    end
  end
  table.sort(fields)

  return change.kind .. "/" .. change.name .. " (" .. change.id .. ") " .. what
         .. (#fields > 0 and ": " .. table.concat(fields, ", ") or "")
end


return _M
