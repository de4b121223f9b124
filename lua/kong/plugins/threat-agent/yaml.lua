-- Reads YAML as the rest of the plugin reads JSON: with cjson's null, and lists that stay lists.

local cjson = require "cjson.safe"
local lyaml = require "lyaml"


local pairs = pairs
local type = type


local function as_json(value)
  if value == lyaml.null then
    return cjson.null
  elseif type(value) ~= "table" then
    return value
  end

  local copy = setmetatable({}, #value > 0 and cjson.array_mt or nil)
  for name, field in pairs(value) do
    copy[name] = as_json(field)
  end
  return copy
end


-- Returns the document of a text. Raises an error where it is no YAML.
return function(text)
  return as_json(lyaml.load(text))
end
