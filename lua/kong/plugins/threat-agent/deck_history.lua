-- decK files as history: what the configuration was before this node knew of it.
--
-- A folder holds whole configurations (`deck gateway dump`, or the repository's file at each release), the
-- latest last by name. The latest that differs from what stands is what stood before.

local deck_reader = require "kong.plugins.threat-agent.deck_reader"
local entities = require "kong.plugins.threat-agent.entities"
local lfs = require "lfs"


local ngx = ngx
local ipairs = ipairs
local pairs = pairs
local type = type


-- Files that are looked at, bytes of each, and of all. Reading 2 MiB of YAML keeps the worker busy for one or two
-- seconds, and the node's lease lasts three.
local MOST_FILES = 20
local MOST_BYTES = 2 * 1024 * 1024
local MOST_IN_ALL = 4 * MOST_BYTES
-- More differences are another gateway's file, or a part of a configuration.
local MOST_CHANGES = 20

local KINDS = deck_reader.KINDS
local REFERENCES = deck_reader.REFERENCES


local _M = {}


-- What names an entity besides its id: fields, and what it refers to.
local IDENTITIES = {
  services = { fields = { "name" }, refers = {} },
  routes = { fields = { "name" }, refers = {} },
  upstreams = { fields = { "name" }, refers = {} },
  targets = { fields = { "target" }, refers = { "upstream" } },
  plugins = { fields = { "name" }, refers = { "route", "service" } },
}


local function id_in(value)
  return type(value) == "table" and value.id or false
end


-- What names an entity as one text; nil where the file does not say it. parents: the ids of what it refers to.
local function name_of(kind, entity, parents)
  local parts = {}
  for i, field in ipairs(IDENTITIES[kind].fields) do
    parts[i] = type(entity[field]) == "string" and entity[field] or nil
    if not parts[i] then
      return nil
    end
  end
  for _, field in ipairs(IDENTITIES[kind].refers) do
    parts[#parts + 1] = parents[field] or ""
  end

  return table.concat(parts, "\n")
end


local function add_name(names, kind, entity)
  local parents = {}
  for _, field in ipairs(IDENTITIES[kind].refers) do
    parents[field] = id_in(entity[field])
  end

  local name = not id_in(entity.consumer) and name_of(kind, entity, parents)
  if name then
    names[kind][name] = entity
  end
end


-- Returns kind → what names an entity → the entity.
local function names_of(standing)
  local names = {}
  for _, kind in ipairs(KINDS) do
    names[kind] = {}
    for _, entity in pairs(standing[kind]) do
      add_name(names, kind, entity)
    end
  end

  return names
end


-- The id of what an entity of the file refers to, as it stands; false where it refers to nothing.
local function referred(standing, names, field, reference)
  if not reference then
    return false
  elseif reference.parent then
    return reference.parent.id
  elseif standing[REFERENCES[field]][reference.id or ""] then
    return reference.id
  end

  local named = names[REFERENCES[field]][reference.name or reference.id or ""]
  return named and named.id
end


-- Whether a file does not say which entity it means.
local function is_anyone(one)
  if one.entity.id then
    return false
  end

  local identity = IDENTITIES[one.kind]
  for _, field in ipairs(identity.fields) do
    if one.entity[field] == nil or deck_reader.has_unknown(one.entity[field]) then
      return true
    end
  end
  for _, field in ipairs(identity.refers) do
    local reference = one.refers[field]
    if reference and (reference.parent and reference.parent.is_anyone
                      or not reference.parent and deck_reader.has_unknown(reference))
    then
      return true
    end
  end

  return false
end


-- The standing entity of one of the file; nil when there is none.
local function standing_of(standing, names, one)
  if one.entity.id then
    return standing[one.kind][one.entity.id]
  elseif one.is_of_consumer then
    return nil
  end

  local parents = {}
  for _, field in ipairs(IDENTITIES[one.kind].refers) do
    parents[field] = referred(standing, names, field, one.refers[field])
    if parents[field] == nil then
      return nil
    end
  end

  local name = name_of(one.kind, one.entity, parents)
  return name and names[one.kind][name]
end


local function sorted(list)
  local copy = {}
  for i, item in ipairs(list) do
    if type(item) ~= "string" then
      return nil
    end
    copy[i] = item
  end
  table.sort(copy)
  return copy
end


-- Whether a field stands as the file has it. What the file leaves out has its default, which nobody here
-- knows; the order of texts means nothing.
local function stands(standing, wanted)
  if entities.holds(standing, wanted) then
    return true
  end

  local a, b = type(standing) == "table" and sorted(standing), type(wanted) == "table" and sorted(wanted)
  return a and b and #a > 0 and #a == #b and entities.same(a, b) or false
end


local function copy_of(value)
  if type(value) ~= "table" then
    return value
  end

  local copy = setmetatable({}, getmetatable(value))
  for name, field in pairs(value) do
    copy[name] = copy_of(field)
  end
  return copy
end


-- What is null where a file does not say it, and narrows where it is set.
local NULL_BY_DEFAULT = {
  routes = { "destinations", "headers", "hosts", "methods", "paths", "snis", "sources" },
  services = { "path" },
}


-- Sets fields of a copy of what stands to the file's. Returns the copy, or nil where nothing differs.
local function earlier_of(now, was, kind)
  local copy
  for _, name in ipairs(NULL_BY_DEFAULT[kind] or {}) do
    if was[name] == nil and now[name] ~= nil then
      copy = copy or copy_of(now)
      copy[name] = nil
    end
  end
  for name, value in pairs(was) do
    if name == "config" and type(value) == "table" then
      local config = earlier_of(now.config or {}, value)
      if config then
        copy = copy or copy_of(now)
        copy.config = config
      end
    elseif name ~= "id" and not deck_reader.has_unknown(value) and not stands(now[name], value) then
      copy = copy or copy_of(now)
      copy[name] = value
    end
  end
  return copy
end


-- An entity of the file that is gone, as it would be put back; nil where something of it is not known, or what it
-- refers to.
local function gone_of(one, earlier, names, plain)
  if not one.entity.id or one.is_of_consumer or deck_reader.has_unknown(one.entity) then
    return nil
  end

  local gone = plain(one.entity)
  for field, reference in pairs(one.refers) do
    local id = referred(earlier, names, field, reference)
    if not id then
      return nil
    end
    gone[field] = { id = id }
  end
  return gone
end


-- Makes of a file's entities and of what stands what stood before, and counts the differences. plain: takes
-- secrets out as snapshots do. is_recent: tells whether an entity that stands was changed lately.
local function before(was, standing, plain, is_recent)
  local earlier, known, unsure, count = {}, {}, {}, 0
  local names = names_of(standing)
  for _, kind in ipairs(KINDS) do
    earlier[kind] = {}
    for id, entity in pairs(standing[kind]) do
      earlier[kind][id] = entity
    end
  end

  for _, kind in ipairs(KINDS) do
    for _, one in ipairs(was[kind]) do
      local now = standing_of(standing, names, one)
      one.is_anyone = is_anyone(one)
      unsure[kind] = unsure[kind] or one.is_anyone
      if now then
        one.id, known[now.id] = now.id, true
        local former = is_recent(kind, now.id) and earlier_of(now, plain(one.entity), kind)
        if former then
          earlier[kind][now.id], count = former, count + 1
        end
      else
        local gone = gone_of(one, earlier, names, plain)
        one.id = gone and gone.id
        if gone then
          earlier[kind][gone.id], count = gone, count + 1
          add_name(names, kind, gone)
        end
      end
    end
  end

  for _, kind in ipairs(KINDS) do
    for id, entity in pairs(standing[kind]) do
      if not known[id] and not unsure[kind] and is_recent(kind, id) and not id_in(entity.consumer) then
        earlier[kind][id], count = nil, count + 1
      end
    end
  end
  return earlier, count
end

_M.before = before


local function files_of(folder)
  local names = {}
  local ok, err = pcall(function()
    for name in lfs.dir(folder) do
      if name:match("%.ya?ml$") or name:match("%.json$") then
        names[#names + 1] = name
      end
    end
  end)
  table.sort(names, function(a, b) return a > b end)
  return ok and names or nil, err
end


local function read(path)
  local file = io.open(path, "rb")
  local text = file and file:read(MOST_BYTES + 1)
  if file then
    file:close()
  end
  return text and #text <= MOST_BYTES and text or nil, "it cannot be read, or has more than 2 MiB"
end


-- Finds what stood before in a folder. Returns kind → id → entity and the file's name; nil and, where something
-- was wrong, what.
function _M.find(folder, standing, plain, is_recent)
  local names, err = files_of(folder)
  if not names then
    return nil, "could not list " .. folder .. ": " .. tostring(err)
  end

  local wrong
  local left = MOST_IN_ALL
  for i = 1, math.min(#names, MOST_FILES) do
    local text, was
    text, err = read(folder .. "/" .. names[i])
    left = left - (text and #text or 0)
    if left < 0 then
      return nil, wrong or "looked no further than 8 MiB, the latest of " .. folder .. ": none of it differs from what stands"
    elseif text then
      was, err = deck_reader.parse(text)
      -- What waits for the worker goes first.
      ngx.sleep(0)
    end
    local earlier, count
    if was then
      earlier, count = before(was, standing, plain, is_recent)
    else
      wrong = wrong or "could not use " .. folder .. "/" .. names[i] .. ": " .. err
    end
    if count and count > 0 and count <= MOST_CHANGES then
      return earlier, names[i]
    end
  end

  return nil, wrong
end


return _M
