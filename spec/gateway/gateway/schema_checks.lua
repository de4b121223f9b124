-- The validators of single values and the checks across fields, with Kong's wording.


local null = ngx.null
local type = type
local next = next
local pairs = pairs
local ipairs = ipairs
local fmt = string.format
local concat = table.concat
local setmetatable = setmetatable


local ORDER = {
  "eq", "ne", "not_one_of", "one_of", "gt", "timestamp", "uuid", "is_regex", "between",
  "len_eq", "len_min", "len_max", "starts_with", "not_match", "match_none", "match",
  "match_all", "match_any", "contains", "custom_validator",
}


local function length(value)
  if type(value) == "string" then
    return #value
  end

  local count = 0
  for _ in pairs(value) do
    count = count + 1
  end

  return count
end


local function contains(list, wanted)
  for _, item in ipairs(list) do
    if item == wanted then
      return true
    end
  end

  return false
end


-- Each gives nil when the value is fine, else a message.
local validators = {}


function validators.eq(value, wanted)
  return value ~= wanted and fmt("value must be %s", tostring(wanted)) or nil
end


function validators.ne(value, unwanted)
  return value == unwanted and fmt("value must not be %s", tostring(unwanted)) or nil
end


function validators.one_of(value, options)
  return not contains(options, value) and "expected one of: " .. concat(options, ", ") or nil
end


function validators.not_one_of(value, options)
  return contains(options, value) and "must not be one of: " .. concat(options, ", ") or nil
end


function validators.gt(value, limit)
  return value <= limit and fmt("value must be greater than %s", tostring(limit)) or nil
end


function validators.timestamp(value)
  return value <= 0 and "expected a valid timestamp" or nil
end


function validators.uuid(value)
  return not require("gateway.uuid").is_valid(value) and "expected a valid UUID" or nil
end


function validators.is_regex(value)
  local _, err = ngx.re.match("any string", value)
  return err and fmt("not a valid regex: %s", value) or nil
end


function validators.between(value, limits)
  if value < limits[1] or value > limits[2] then
    return fmt("value should be between %d and %d", limits[1], limits[2])
  end
end


function validators.len_eq(value, wanted)
  return length(value) ~= wanted and fmt("length must be %d", wanted) or nil
end


function validators.len_min(value, least)
  return length(value) < least and fmt("length must be at least %d", least) or nil
end


function validators.len_max(value, most)
  return length(value) > most and fmt("length must be at most %d", most) or nil
end


function validators.starts_with(value, prefix)
  return value:sub(1, #prefix) ~= prefix and fmt("should start with: %s", prefix) or nil
end


function validators.match(value, pattern)
  return not value:match(pattern) and fmt("invalid value: %s", value) or nil
end


function validators.not_match(value, pattern)
  return value:match(pattern) and fmt("invalid value: %s", value) or nil
end


function validators.match_all(value, list)
  for _, entry in ipairs(list) do
    if not value:match(entry.pattern) then
      return entry.err
    end
  end
end


function validators.match_none(value, list)
  for _, entry in ipairs(list) do
    if value:match(entry.pattern) then
      return entry.err
    end
  end
end


function validators.match_any(value, arg)
  for _, pattern in ipairs(arg.patterns) do
    if value:match(pattern) then
      return nil
    end
  end

  return arg.err
end


function validators.contains(value, wanted)
  return not contains(value, wanted) and fmt("expected to contain: %s", wanted) or nil
end


function validators.custom_validator(value, check)
  local ok, err = check(value)
  return not ok and (err or fmt("failed validating: %s", tostring(value))) or nil
end


local function run_validators(field, value)
  for _, name in ipairs(ORDER) do
    local argument = field[name]
    -- Kong accepts no empty string unless the schema says so.
    if name == "len_min" and argument == nil and field.type == "string" then
      argument = 1
    end

    if argument ~= nil then
      local err = validators[name](value, argument)
      if err then
        return field.err or err
      end
    end
  end
end


local function get_path(record, path)
  for name in path:gmatch("[^.]+") do
    if type(record) ~= "table" then
      return nil
    end
    record = record[name]
  end

  return record
end


local function set_path(record, path, value)
  local parent, last = path:match("^(.*)%.([^.]+)$")
  for name in (parent or ""):gmatch("[^.]+") do
    if type(record[name]) ~= "table" then
      record[name] = {}
    end
    record = record[name]
  end

  record[last or path] = value
end


local function is_set(value)
  return value ~= nil and value ~= null and value ~= ""
    and not (type(value) == "table" and next(value) == nil)
end


local function quoted(names)
  local out = {}
  for i, name in ipairs(names) do
    out[i] = fmt("'%s'", name)
  end

  return concat(out, ", ")
end


local function count_set(input, names)
  local count = 0
  for _, name in ipairs(names) do
    if is_set(get_path(input, name)) then
      count = count + 1
    end
  end

  return count
end


-- Each gives nil, or what to say of the entity, or nil and an error for one field.
local entity_checks = {}


function entity_checks.at_least_one_of(input, names)
  if count_set(input, names) == 0 then
    return "at least one of these fields must be non-empty: " .. quoted(names)
  end
end


function entity_checks.only_one_of(input, names)
  if count_set(input, names) ~= 1 then
    return "exactly one of these fields must be non-empty: " .. quoted(names)
  end
end


function entity_checks.mutually_exclusive(input, names)
  if count_set(input, names) > 1 then
    return "only one or none of these fields must be set: " .. quoted(names)
  end
end


function entity_checks.mutually_required(input, names)
  local count = count_set(input, names)
  if count > 0 and count < #names then
    return "all or none of these fields must be set: " .. quoted(names)
  end
end


function entity_checks.distinct(input, names)
  local seen = {}
  for _, name in ipairs(names) do
    local value = get_path(input, name)
    if is_set(value) then
      if seen[value] then
        return "values of these fields must be distinct: " .. quoted(names)
      end
      seen[value] = true
    end
  end
end


function entity_checks.custom_entity_check(input, arg)
  local projection = {}
  for _, name in ipairs(arg.field_sources) do
    set_path(projection, name, get_path(input, name))
  end

  local ok, err = arg.fn(projection)
  return not ok and (err or "failed entity check: custom_entity_check") or nil
end


local function find_field(definition, path, by_name)
  local field = definition
  for name in path:gmatch("[^.]+") do
    field = field and field.fields and by_name(field)[name]
  end

  return field
end


-- A field's definition with further demands laid over it.
local function with_demands(demands, field)
  return setmetatable({}, {
    __index = function(_, key)
      if demands[key] ~= nil then
        return demands[key]
      end
      return field and field[key]
    end,
  })
end


local function run_conditional(definition, input, errors, arg, by_name, validate_field)
  local if_field = find_field(definition, arg.if_field, by_name)
  local if_value = get_path(input, arg.if_field)
  if if_value == nil or validate_field(with_demands(arg.if_match, if_field), if_value) then
    return nil
  end

  local then_value = get_path(input, arg.then_field)
  if then_value == nil then
    then_value = null
  end

  local then_field = find_field(definition, arg.then_field, by_name)
  local err = validate_field(with_demands(arg.then_match, then_field), then_value)
  if not err then
    return nil
  end

  set_path(errors, arg.then_field, err)
  return arg.then_err and fmt(arg.then_err, arg.if_field)
    or fmt("failed conditional validation given value of field '%s'", arg.if_field)
end


local function run_conditional_at_least_one_of(definition, input, arg, by_name, validate_field)
  local if_field = find_field(definition, arg.if_field, by_name)
  local if_value = get_path(input, arg.if_field)
  if if_value == nil or validate_field(with_demands(arg.if_match, if_field), if_value) then
    return nil
  end

  local names = arg.then_at_least_one_of
  if count_set(input, names) == 0 then
    return arg.then_err and fmt(arg.then_err, quoted(names))
      or "at least one of these fields must be non-empty: " .. quoted(names)
  end
end


-- Runs a definition's checks across fields and adds what they say to errors.
local function run_entity_checks(definition, input, errors, by_name, validate_field)
  for _, check in ipairs(definition.entity_checks or {}) do
    local name, arg = next(check)
    local said

    if name == "conditional" then
      said = run_conditional(definition, input, errors, arg, by_name, validate_field)
    elseif name == "conditional_at_least_one_of" then
      said = run_conditional_at_least_one_of(definition, input, arg, by_name, validate_field)
    elseif name == "custom_entity_check" then
      local sound = true
      for _, source in ipairs(arg.field_sources) do
        if get_path(errors, source) ~= nil then
          sound = false
        end
      end
      if sound or arg.run_with_invalid_fields then
        said = entity_checks.custom_entity_check(input, arg)
      end
    else
      local check_fn = entity_checks[name]
        or error("the embedded gateway has no entity check '" .. name .. "'")
      said = check_fn(input, arg)
    end

    if said then
      errors["@entity"] = errors["@entity"] or {}
      table.insert(errors["@entity"], said)
    end
  end
end


return {
  run_validators = run_validators,
  run_entity_checks = run_entity_checks,
}
