-- The part of Kong's schema language that the plugin's schema.lua and the core
-- entities use: fill in defaults, validate, merge an update, make the form that
-- handlers see. Messages are Kong's own.
--
-- A definition is `{ fields = { { name = field }, ... }, entity_checks = { ... } }`;
-- a record field has the same shape.


local checks = require "gateway.schema_checks"
local json = require "gateway.json"
local uuid = require "gateway.uuid"


local null = ngx.null
local type = type
local next = next
local pairs = pairs
local ipairs = ipairs
local floor = math.floor
local fmt = string.format
local setmetatable = setmetatable


local REQUIRED = "required field missing"
local UNKNOWN = "unknown field"
local EXPECTED = {
  array = "expected an array",
  set = "expected a set",
  map = "expected a map",
  record = "expected a record",
  string = "expected a string",
  number = "expected a number",
  boolean = "expected a boolean",
  integer = "expected an integer",
  foreign = "expected a record",
  ["function"] = "expected a function",
}


local fields_by_name = setmetatable({}, { __mode = "k" })


-- The fields of a definition as a map.
local function by_name(definition)
  local map = fields_by_name[definition]
  if not map then
    map = {}
    for _, entry in ipairs(definition.fields) do
      local name, field = next(entry)
      map[name] = field
    end
    fields_by_name[definition] = map
  end

  return map
end


local function is_sequence(value)
  if type(value) ~= "table" then
    return false
  end

  local count = 0
  for key in pairs(value) do
    count = count + 1
    if type(key) ~= "number" or value[count] == nil then
      return false
    end
  end

  return true
end


local set_members = setmetatable({}, { __mode = "k" })

local SET_MT = {
  __index = function(set, key)
    local members = set_members[set]
    return members and members[key]
  end,
}


-- A set is a list without repeats that also answers `set[member]`.
local function make_set(list)
  local set, members = {}, {}
  for _, item in ipairs(list) do
    if not members[item] then
      members[item] = true
      set[#set + 1] = item
    end
  end

  if #set == 0 then
    return setmetatable(set, json.array_mt)
  end

  set_members[set] = members
  return setmetatable(set, SET_MT)
end


local function deep_copy(value)
  if type(value) ~= "table" then
    return value
  end

  local copy = {}
  for key, item in pairs(value) do
    copy[key] = deep_copy(item)
  end

  return setmetatable(copy, getmetatable(value))
end


local fill


-- The value of a field that the input leaves out.
local function missing_value(field)
  if field.default ~= nil then
    return deep_copy(field.default)
  end

  if field.auto then
    if field.type == "string" then
      return field.uuid and uuid.random() or (uuid.random():gsub("-", ""))
    end
    return ngx.time()
  end

  if not field.required then
    return null
  end

  if field.type == "record" and not field.abstract then
    return fill(field, {})
  end
end


local function fill_field(field, value)
  if value == nil then
    value = missing_value(field)
  end

  if type(value) ~= "table" or field.abstract then
    return value
  end

  if field.type == "record" then
    return fill(field, value)
  end

  local items = field.elements or field.values
  if not items then
    return value
  end

  local filled = {}
  for key, item in pairs(value) do
    filled[key] = fill_field(items, item)
  end

  if (field.type == "array" or field.type == "set") and is_sequence(filled) then
    return setmetatable(filled, json.array_mt)
  end

  return filled
end


-- Gives a new record with every default in place. Unknown fields stay, for validation to find.
function fill(definition, input)
  local filled = {}
  for key, value in pairs(input) do
    filled[key] = value
  end

  for name, field in pairs(by_name(definition)) do
    filled[name] = fill_field(field, filled[name])
  end

  return filled
end


local validate


local function validate_items(field, value)
  local errors
  for i, item in ipairs(value) do
    local err = validate.field(field.elements, item, true)
    if err then
      errors = errors or {}
      errors[i] = err
    end
  end

  return errors
end


local function is_reference(value)
  return value:match("^{vault://.+}$") ~= nil
end


local function is_of_type(field, value)
  local kind = field.type
  if kind == "array" or kind == "set" then
    return is_sequence(value)
  end

  if kind == "map" or kind == "record" or kind == "foreign" then
    return type(value) == "table"
  end

  if kind == "integer" then
    return type(value) == "number" and value == floor(value) and value - value == 0
  end

  return type(value) == kind
end


local function validate_map(field, value)
  for key, item in pairs(value) do
    local err = validate.field(field.keys, key, true) or validate.field(field.values, item, true)
    if err then
      return err
    end
  end
end


validate = {}


-- Tells what is wrong with a value: a message, a table of messages, or nil.
function validate.field(field, value, required)
  if value == null then
    if field.eq ~= nil and field.eq ~= null then
      return fmt("value must be %s", tostring(field.eq))
    end
    return (field.required or required) and REQUIRED or nil
  end

  if field.eq == null then
    return field.err or "value must be null"
  end

  if field.type and not is_of_type(field, value) then
    return EXPECTED[field.type]
  end

  local errors
  if field.type == "array" or field.type == "set" then
    errors = validate_items(field, value)
  elseif field.type == "map" then
    errors = validate_map(field, value)
  elseif field.type == "record" then
    errors = validate.record(field, fill(field, value))
  elseif field.type == "string" and field.referenceable and is_reference(value) then
    return nil
  end

  return errors or checks.run_validators(field, value)
end


-- Tells what is wrong with a record: a table of messages by field, or nil.
function validate.record(definition, input)
  local fields = by_name(definition)
  local errors = {}

  for key, value in pairs(input) do
    local field = fields[key]
    if field then
      errors[key] = validate.field(field, value)
    else
      errors[key] = UNKNOWN
    end
  end

  for name, field in pairs(fields) do
    if field.required and (input[name] == nil or input[name] == null) then
      errors[name] = REQUIRED
    end
  end

  checks.run_entity_checks(definition, input, errors, by_name, validate.field)

  return next(errors) and errors or nil
end


-- Lays an update over a record: records are merged, all else is replaced.
local function merge(definition, top, bottom)
  local merged = {}
  for key, value in pairs(bottom) do
    merged[key] = value
  end

  local fields = by_name(definition)
  for key, value in pairs(top) do
    local field = fields[key]
    local below = bottom[key]
    if field and field.type == "record" and not field.abstract
      and type(value) == "table" and type(below) == "table"
    then
      merged[key] = merge(field, value, below)
    else
      merged[key] = value
    end
  end

  return merged
end


local select_record


local function select_field(field, value)
  if value == null then
    return nil
  end

  if type(value) ~= "table" then
    return value
  end

  if field.type == "record" and not field.abstract then
    return select_record(field, value)
  end

  local items = field.elements or field.values
  local selected = {}
  for key, item in pairs(value) do
    selected[key] = items and select_field(items, item) or item
  end

  if field.type == "set" then
    return make_set(selected)
  end

  if field.type == "array" then
    return setmetatable(selected, json.array_mt)
  end

  return selected
end


-- Gives a stored record as handlers see it: a new table, no nulls, real sets.
function select_record(definition, stored)
  local selected = {}
  for name, field in pairs(by_name(definition)) do
    selected[name] = select_field(field, stored[name])
  end

  return selected
end


return {
  fill = fill,
  validate = validate.record,
  merge = merge,
  select = select_record,
}
