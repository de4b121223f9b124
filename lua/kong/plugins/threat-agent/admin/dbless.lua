-- Entities of a DB-less node: its whole configuration is read, changed and sent back.

local cjson = require "cjson.safe"
local declarative = require "kong.plugins.threat-agent.admin.declarative"
local elapsed = require "kong.plugins.threat-agent.elapsed"
local entities = require "kong.plugins.threat-agent.entities"


local ngx = ngx
local ipairs = ipairs
local pairs = pairs
local type = type


local find = declarative.find
local load = declarative.load


-- One reading serves the looks at what stands that come within so long. Units: seconds.
local LOOK_S = 5


local Client = {}
Client.__index = Client


local function store(client, ...)
  client.seen = nil
  return declarative.store(client, ...)
end


-- A reference to another entity is written as its id there.
local REFERENCES = { "route", "service", "consumer", "consumer_group", "upstream" }

local function flat(fields)
  local copy = {}
  for name, value in pairs(fields) do
    copy[name] = value
  end
  for _, name in ipairs(REFERENCES) do
    if type(copy[name]) == "table" and copy[name].id then
      copy[name] = copy[name].id
    end
  end

  return copy
end


local function unflat(entity)
  local copy = {}
  for name, value in pairs(entity) do
    copy[name] = value
  end
  for _, name in ipairs(REFERENCES) do
    if type(copy[name]) == "string" then
      copy[name] = { id = copy[name] }
    end
  end

  return copy
end


function Client:get(kind, id)
  local document, err, passes = load(self)
  if not document then
    return nil, err, passes
  end

  local entity = find(document, kind, id)
  return entity and unflat(entity) or false
end


function Client:put(kind, id, entity)
  local document, text, passes = load(self)
  if not document then
    return nil, text, passes
  end

  local list = document[kind] or setmetatable({}, cjson.array_mt)
  local _, at = find(document, kind, id)
  local new = flat(entity)
  new.id = id
  list[at or #list + 1] = new
  document[kind] = list

  local ok, err
  ok, err, passes = store(self, document, text)
  if not ok then
    return nil, err, passes
  end

  return unflat(new)
end


function Client:patch(kind, id, fields)
  local document, text, passes = load(self)
  if not document then
    return nil, text, passes
  end

  local entity = find(document, kind, id)
  if not entity then
    return false
  end

  entities.merge(entity, flat(fields))

  local ok, err
  ok, err, passes = store(self, document, text)
  if not ok then
    return nil, err, passes
  end

  return unflat(entity)
end


function Client:delete(kind, id)
  local document, text, passes = load(self)
  if not document then
    return nil, text, passes
  end

  local _, at = find(document, kind, id)
  if not at then
    return true
  end

  table.remove(document[kind], at)
  return store(self, document, text)
end


function Client:tagged(kind, tag)
  local document, err, passes = load(self)
  if not document then
    return nil, err, passes
  end

  local found = {}
  for _, entity in ipairs(document[kind] or {}) do
    for _, has in ipairs(type(entity.tags) == "table" and entity.tags or {}) do
      if has == tag then
        found[#found + 1] = unflat(entity)
      end
    end
  end

  return found
end


local SCOPE_OF = { routes = "route", services = "service", consumers = "consumer" }

function Client:plugins_of(kind, id)
  local document, err, passes = load(self)
  if not document then
    return nil, err, passes
  end

  local found = {}
  for _, plugin in ipairs(document.plugins or {}) do
    if plugin[SCOPE_OF[kind]] == id then
      found[#found + 1] = unflat(plugin)
    end
  end

  return found
end


function Client:groups_of(consumer)
  local document, err, passes = load(self)
  if not document then
    return nil, err, passes
  end

  local found = {}
  for _, entry in ipairs(document.acls or {}) do
    if entry.consumer == consumer then
      found[#found + 1] = entry
    end
  end

  return found
end


function Client:targets_of(upstream)
  local document, err, passes = load(self)
  if not document then
    return nil, err, passes
  end

  local found
  for _, one in ipairs(document.upstreams or {}) do
    if one.name == upstream then
      found = {}
      for _, target in ipairs(document.targets or {}) do
        if target.upstream == one.id then
          found[#found + 1] = unflat(target)
        end
      end
    end
  end

  return found or false
end


function Client.targets_kind()
  return "targets"
end


local Looker = {}
Looker.__index = Looker


function Looker:get(kind, id)
  local client = self.client
  local seen = client.seen
  if not seen or elapsed(seen.at, LOOK_S, ngx.now()) then
    local document, err, passes = load(client)
    if not document then
      return nil, err, passes
    end

    seen = { document = document, at = ngx.now() }
    client.seen = seen
  end

  local entity = find(seen.document, kind, id)
  return entity and unflat(entity) or false
end


-- What only looks at entities, one after the other: the whole configuration is read once for all of them.
function Client:looker()
  return setmetatable({ client = self }, Looker)
end


-- The same for the entities of a workspace: a DB-less node has one.
function Client:within()
  return self
end


local _M = {}


function _M.new(settings)
  return setmetatable({ settings = settings, tier = "dbless" }, Client)
end


return _M
