-- Keeps what the configuration was as decK files in the node's folder, for people and for their tools: one a
-- change and one a day, the latest few. Secrets are left out: what is synced from them needs those back.

local files = require "kong.plugins.threat-agent.files"
local lyaml = require "lyaml"


local ipairs = ipairs
local pairs = pairs
local type = type


local NAME = "configuration-%Y%m%dT%H%M%SZ.yaml"
local PATTERN = "^configuration%-%d+T%d+Z%.yaml$"
local MOST = 20
local DAY_S = 86400

-- Where an entity is written: below the first of these that it refers to.
local PARENTS = {
  { kind = "routes", under = "services", field = "service" },
  { kind = "targets", under = "upstreams", field = "upstream" },
  { kind = "plugins", under = "routes", field = "route" },
  { kind = "plugins", under = "services", field = "service" },
}


local _M = {}


local function copy_of(entity)
  local copy = {}
  for name, value in pairs(entity) do
    copy[name] = value
  end
  return copy
end


local function sort(list)
  table.sort(list, function(a, b)
    return (a.name or a.target or a.id) .. a.id < (b.name or b.target or b.id) .. b.id
  end)
end


-- Renders kind → id → entity as decK nests them.
function _M.render(taken)
  local copies = {}
  for kind, list in pairs(taken) do
    copies[kind] = {}
    for id, entity in pairs(list) do
      copies[kind][id] = copy_of(entity)
    end
  end

  local placed, all = {}, {}
  local function place(list, entity)
    list[#list + 1] = entity
    all[list] = true
    placed[entity] = true
  end

  for _, to in ipairs(PARENTS) do
    for _, entity in pairs(copies[to.kind]) do
      local refers = entity[to.field]
      local parent = not placed[entity] and type(refers) == "table" and copies[to.under][refers.id]
      -- One that is for two at once stays at the top.
      if parent and not (to.kind == "plugins" and (entity.consumer or entity.route and entity.service)) then
        parent[to.kind] = parent[to.kind] or {}
        entity[to.field] = nil
        place(parent[to.kind], entity)
      end
    end
  end

  local document = { _format_version = "3.0" }
  for kind, list in pairs(copies) do
    for _, entity in pairs(list) do
      if not placed[entity] then
        for _, field in ipairs({ "service", "route", "consumer" }) do
          entity[field] = kind == "plugins" and type(entity[field]) == "table" and entity[field].id or entity[field]
        end
        document[kind] = document[kind] or {}
        place(document[kind], entity)
      end
    end
  end
  for list in pairs(all) do
    sort(list)
  end

  return lyaml.dump({ document })
end


-- Keeps a configuration, and forgets the oldest. Returns true, or nil and an error.
function _M.keep(taken, wall_s)
  local ok, err = files.save(os.date("!" .. NAME, wall_s), _M.render(taken))
  if not ok then
    return nil, err
  end

  local names = files.list(PATTERN) or {}
  for i = 1, #names - MOST do
    files.remove(names[i])
  end
  return true
end


-- Whether the last one is a day old; the first is due at once.
function _M.is_due(wall_s)
  local names = files.list(PATTERN) or {}
  return #names == 0 or os.date("!" .. NAME, wall_s - DAY_S) >= names[#names]
end


return _M
