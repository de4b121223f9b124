-- Kong looks for vault references in the whole configuration of a plugin, twice a request for a global
-- instance (kong.vault.update walks every table by `pairs`): with this plugin's some hundred settings that
-- costs as much as inspecting a request does. So a conf shows `pairs` only the parts that hold references.
--
-- Where LuaJIT knows no `__pairs` (Kong's does) nothing changes.

local next = next
local pairs = pairs
local setmetatable = setmetatable
local type = type


-- Where Kong keeps the references of a record.
local REFERENCES = "$refs"


local _M = {}


local function has_references(value)
  if type(value) ~= "table" then
    return false
  elseif value[REFERENCES] then
    return true
  end

  for _, item in pairs(value) do
    if has_references(item) then
      return true
    end
  end

  return false
end


-- Narrows what `pairs` shows of a conf; its fields are read as ever, and `next` walks them all.
function _M.narrow(conf)
  local holding = {}
  for name, item in next, conf do
    if name ~= REFERENCES and has_references(item) then
      holding[name] = item
    end
  end

  setmetatable(conf, {
    __pairs = function()
      return next, holding, nil
    end,
  })
end


return _M
