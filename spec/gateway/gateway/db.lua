-- kong.db, for plugins' api.lua files: reading entities.


local entities = require "gateway.entities"
local entity = require "gateway.entity"
local crud = require "gateway.crud"
local store = require "gateway.store"


local function dao(list)
  local self = {}

  function self.select(_, key)
    local found = entity.find(store.load(), list, key.id)
    return found and crud.present(list, found)
  end

  function self.each()
    local items, i = store.load()[list], 0
    return function()
      i = i + 1
      return items[i] and crud.present(list, items[i])
    end
  end

  return self
end


-- Entities that Kong has and this gateway has none of.
local ABSENT = { "upstreams", "targets" }

local function none()
  return {
    select = function() return nil end,
    each = function() return function() return nil end end,
  }
end


local function new()
  local db = { strategy = "off" }
  for _, list in ipairs(ABSENT) do
    db[list] = none()
  end
  for _, list in ipairs(entities.LISTS) do
    db[list] = dao(list)
  end

  return db
end


return { new = new }
