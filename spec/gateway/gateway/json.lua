-- JSON as OpenResty's lua-cjson has it. Debian's lua-cjson lacks the marks for
-- empty arrays, which Kong's Admin API and plugins rely on.


local cjson = require "cjson.safe"
local buffer = require "string.buffer"


local null = cjson.null
local type = type
local next = next
local pairs = pairs
local fmt = string.format
local gsub = string.gsub
local find = string.find
local floor = math.floor
local getmetatable = getmetatable


local MAX_DEPTH = 1000
local SPARSE_SAFE = 10
local SPARSE_RATIO = 2

local ARRAY_MT = setmetatable({}, { __name = "array_mt" })
local EMPTY_ARRAY_MT = setmetatable({}, { __name = "empty_array_mt" })
local EMPTY_ARRAY = setmetatable({}, ARRAY_MT)

local ESCAPES = { ['"'] = '\\"', ["\\"] = "\\\\", ["\b"] = "\\b",
                  ["\f"] = "\\f", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }


local function escape_char(char)
  return ESCAPES[char] or fmt("\\u%04x", char:byte())
end


-- The length of t as a list, or nil when it is to be written as an object.
local function list_length(t)
  local count, max = 0, 0
  for key in next, t do
    if type(key) ~= "number" or key < 1 or floor(key) ~= key then
      return nil
    end

    count = count + 1
    if key > max then
      max = key
    end
  end

  if max > SPARSE_SAFE and max > count * SPARSE_RATIO then
    error("Cannot serialise table: excessively sparse array", 0)
  end

  return max
end


local write


local function write_string(out, value)
  if find(value, '[%c"\\\127]') then
    value = gsub(value, '[%c"\\\127]', escape_char)
  end

  out:put('"', value, '"')
end


local function write_list(out, value, length, depth)
  out:put("[")
  for i = 1, length do
    if i > 1 then
      out:put(",")
    end
    write(out, value[i], depth)
  end
  out:put("]")
end


local function write_object(out, value, depth)
  local comma = ""
  out:put("{")
  for key, item in pairs(value) do
    local kind = type(key)
    if kind ~= "string" and kind ~= "number" then
      error("Cannot serialise " .. kind .. ": table key must be a number or string", 0)
    end

    out:put(comma)
    write_string(out, kind == "number" and fmt("%.14g", key) or key)
    out:put(":")
    write(out, item, depth)
    comma = ","
  end
  out:put("}")
end


function write(out, value, depth)
  local kind = type(value)
  if kind == "string" then
    return write_string(out, value)
  end

  if kind == "number" then
    if value ~= value or value == 1 / 0 or value == -1 / 0 then
      error("Cannot serialise number: must not be NaN or Infinity", 0)
    end
    return out:put(fmt("%.14g", value))
  end

  if kind == "boolean" then
    return out:put(value and "true" or "false")
  end

  if value == nil or value == null then
    return out:put("null")
  end

  if kind ~= "table" then
    error("Cannot serialise " .. kind .. ": type not supported", 0)
  end

  depth = depth + 1
  if depth > MAX_DEPTH then
    error("Cannot serialise, excessive depth (" .. depth .. ")", 0)
  end

  local mt = getmetatable(value)
  if mt == ARRAY_MT then
    return write_list(out, value, #value, depth)
  end

  if next(value) == nil then
    return out:put(mt == EMPTY_ARRAY_MT and "[]" or "{}")
  end

  local length = list_length(value)
  if length then
    return write_list(out, value, length, depth)
  end

  return write_object(out, value, depth)
end


local function encode(value)
  local out = buffer.new()
  write(out, value, 0)
  return out:get()
end


local function safe_encode(value)
  local ok, text = pcall(encode, value)
  if not ok then
    return nil, text
  end

  return text
end


local function decode(text)
  local value, err = cjson.decode(text)
  if value == nil then
    error(err, 0)
  end

  return value
end


local function module(overrides)
  local m = {
    null = null,
    array_mt = ARRAY_MT,
    empty_array_mt = EMPTY_ARRAY_MT,
    empty_array = EMPTY_ARRAY,
    encode_number_precision = cjson.encode_number_precision,
    decode_max_depth = cjson.decode_max_depth,
  }
  for name, fn in pairs(overrides) do
    m[name] = fn
  end

  return m
end


local raising = module({ encode = encode, decode = decode })
local safe = module({ encode = safe_encode, decode = cjson.decode })


-- Makes `require "cjson"` and `require "cjson.safe"` give these modules.
local function install()
  package.loaded["cjson"] = raising
  package.loaded["cjson.safe"] = safe
end


return {
  install = install,
  encode = safe_encode,
  decode = cjson.decode,
  null = null,
  array_mt = ARRAY_MT,
}
