-- The error objects of Kong's database layer, as the Admin API shows them.


local pretty = require "pl.pretty"


local fmt = string.format


local CODES = {
  ["schema violation"] = 2,
  ["foreign key violation"] = 4,
  ["unique constraint violation"] = 5,
  ["not found"] = 6,
  ["invalid declarative configuration"] = 14,
}


local function new(name, message, fields)
  return { name = name, code = CODES[name], message = message, fields = fields }
end


local function sorted_keys(t)
  local keys = {}
  for key in pairs(t) do
    keys[#keys + 1] = key
  end
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)

  return keys
end


local function describe(errors)
  local said = {}
  for _, err in ipairs(errors["@entity"] or {}) do
    said[#said + 1] = err
  end

  for _, field in ipairs(sorted_keys(errors)) do
    local err = errors[field]
    if type(err) == "table" and field ~= "@entity" then
      for _, name in ipairs(sorted_keys(err)) do
        local inner = err[name]
        said[#said + 1] = fmt("%s.%s: %s", field, name,
                              type(inner) == "table" and pretty.write(inner) or tostring(inner))
      end
    elseif field ~= "@entity" then
      said[#said + 1] = fmt("%s: %s", field, err)
    end
  end

  return said
end


local function schema_violation(errors)
  local said = describe(errors)
  local message = #said == 1 and fmt("schema violation (%s)", said[1])
    or fmt("%d schema violations (%s)", #said, table.concat(said, "; "))

  return new("schema violation", message, errors)
end


local function declarative_config(errors)
  return new("invalid declarative configuration",
             "declarative config is invalid: " .. pretty.write(errors, ""), errors)
end


return {
  new = new,
  schema_violation = schema_violation,
  declarative_config = declarative_config,
}
