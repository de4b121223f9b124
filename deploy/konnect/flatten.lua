-- Prints a plugin's schema as one file without any `require`, as Konnect takes it:
--
--   luajit deploy/konnect/flatten.lua threat-agent > schema.lua
--   luajit deploy/konnect/flatten.lua threat-agent-dashboard > dashboard-schema.lua
--
-- Konnect has no library to ask, so that checks by functions are left out; the data planes still make
-- them when they take a configuration up, and log what they leave out.

local NULL = {}

package.path = arg[0]:gsub("deploy/konnect/[^/]*$", "") .. "lua/?.lua;" .. package.path
_G.ngx = { null = NULL }


local function sorted_keys(value)
  local keys = {}
  for key in pairs(value) do
    if type(key) ~= "number" then
      keys[#keys + 1] = key
    end
  end
  table.sort(keys)
  return keys
end


local RESERVED = { ["then"] = true, ["if"] = true, ["end"] = true, ["not"] = true, ["or"] = true, ["and"] = true }

local function key_text(key)
  return key:match("^[%a_][%w_]*$") and not RESERVED[key] and key or ("[%q]"):format(key)
end


local LINE = 100
local write


local function write_table(value, indent)
  local inner = indent .. "  "
  local parts = {}
  for _, item in ipairs(value) do
    parts[#parts + 1] = write(item, inner)
  end
  for _, key in ipairs(sorted_keys(value)) do
    if type(value[key]) ~= "function" then
      parts[#parts + 1] = key_text(key) .. " = " .. write(value[key], inner)
    end
  end

  local line = table.concat(parts, ", ")
  if line == "" then
    return "{}"
  elseif #line < LINE and not line:find("{", 1, true) then
    return "{ " .. line .. " }"
  end

  return "{\n" .. inner .. table.concat(parts, ",\n" .. inner) .. ",\n" .. indent .. "}"
end


function write(value, indent)
  if value == NULL then
    return "ngx.null"
  elseif type(value) == "table" then
    return write_table(value, indent)
  elseif type(value) == "string" then
    return (("%q"):format(value):gsub("\\\n", "\\n"))
  elseif type(value) == "number" then
    return ("%.17g"):format(value)
  end

  return tostring(value)
end


local plugin = arg[1]
if not plugin then
  io.stderr:write("expected the plugin's name: threat-agent or threat-agent-dashboard\n")
  os.exit(2)
end

io.write("-- Generated from the plugin's schema for Konnect.\n\n\nreturn ",
         write(require("kong.plugins." .. plugin .. ".schema"), ""), "\n")
