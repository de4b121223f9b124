-- Entities as Kong hands them out: their ids, comparing them, where null and absent are the same, and telling
-- what is to be set for one to become another.

local ngx = ngx
local pairs = pairs
local type = type


local _M = {
  -- Fields with names of the operator's: set as a whole.
  MAPS = { custom_fields_by_lua = true, headers = true },
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


-- What stands in the fields that are to be set, null where nothing does.
function _M.before(standing, set)
  local before = {}
  for name in pairs(set) do
    before[name] = standing[name] == nil and ngx.null or standing[name]
  end

  return before
end


-- Whether a value has fields that are set one by one, as Kong's PATCH sets them; an empty one may be either.
local function has_fields(name, value)
  return type(value) == "table" and value[1] == nil and not _M.MAPS[name]
end


-- Tells what is to be set for what is to become what was, and what stands there instead: down to single fields,
-- where one that is new becomes null.
function _M.difference(was, is)
  local set, before, names = {}, {}, {}
  for name in pairs(was) do names[name] = true end
  for name in pairs(is) do names[name] = true end

  for name in pairs(names) do
    local old, new = was[name], is[name]
    if not _M.same(old, new) then
      if has_fields(name, old) and has_fields(name, new) then
        set[name], before[name] = _M.difference(old, new)
      else
        set[name] = old == nil and ngx.null or old
        before[name] = new == nil and ngx.null or new
      end
    end
  end

  return set, before
end


-- Sets fields of an entity, as Kong's PATCH does.
function _M.merge(entity, fields)
  for name, value in pairs(fields) do
    if has_fields(name, value) and has_fields(name, entity[name]) then
      _M.merge(entity[name], value)
    else
      entity[name] = value
    end
  end
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
