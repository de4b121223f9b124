-- Entities as Kong hands them out: their ids, and comparing them, where null and absent are the same.

local ngx = ngx
local pairs = pairs
local type = type


local _M = {
  -- A pattern of ids.
  ID = "%x%x%x%x%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x",
}


local function is_null(value)
  return value == nil or value == ngx.null
end


-- Whether what stands is what is wanted; fields that nobody named are no difference.
local function holds(standing, wanted)
  if is_null(wanted) then
    return is_null(standing)
  elseif type(wanted) ~= "table" then
    return standing == wanted
  elseif type(standing) ~= "table" then
    return next(wanted) == nil and is_null(standing)
  elseif #wanted ~= #standing then
    return false
  end

  for name, value in pairs(wanted) do
    if not holds(standing[name], value) then
      return false
    end
  end

  return true
end

_M.holds = holds


-- Whether two values are the same.
function _M.same(a, b)
  return holds(a, b) and holds(b, a)
end


-- Whether an entity carries a tag.
function _M.is_tagged(entity, tag)
  for _, has in ipairs(type(entity.tags) == "table" and entity.tags or {}) do
    if has == tag then
      return true
    end
  end

  return false
end


return _M
