-- Mitigations for hot_patch: vetted ones, and the operator's own. A parameter is only ever a literal in them, and
-- what comes out is compiled before it is sent anywhere.

local format = string.format


local TEMPLATES = {
  -- Refuses paths that hold a text.
  refuse_path = [[
local path = kong.request.get_path()
if path:find(%s, 1, true) then
  return kong.response.exit(403, { message = "Request blocked" })
end
]],

  -- Refuses requests that carry a header.
  refuse_header = [[
if kong.request.get_header(%s) then
  return kong.response.exit(403, { message = "Request blocked" })
end
]],

  -- Refuses requests that lack a header.
  require_header = [[
if not kong.request.get_header(%s) then
  return kong.response.exit(403, { message = "Request blocked" })
end
]],

  -- Takes a header away before the upstream sees it.
  strip_header = [[
kong.service.request.clear_header(%s)
]],

  -- Refuses requests with an argument in the query. Kong reads the first hundred only.
  refuse_parameter = [[
local refused = %s
for argument in kong.request.get_raw_query():gmatch("[^&]+") do
  local name = argument:match("^[^=]*"):gsub("+", " "):gsub("%%%%(%%x%%x)", function(hex)
    return string.char(tonumber(hex, 16))
  end)
  if name == refused then
    return kong.response.exit(403, { message = "Request blocked" })
  end
end
]],

  -- Refuses bodies that are longer than a number of bytes: by what they say, or else, in chunks, by what comes.
  refuse_body_size = [[
local most = tonumber(%s)
local length = tonumber(kong.request.get_header("content-length"))
if not length then
  local body = kong.request.get_raw_body(most)
  length = body and #body or most + 1
end
if length > most then
  return kong.response.exit(413, { message = "Request blocked" })
end
]],
}


-- Where the parameter stands in an operator's template.
local PARAMETER = "{{parameter}}"


-- A literal that is no code: where the parameter stands between quotes of the template's own, so that it would be
-- code, this does not compile.
local PROBE = '"?"'


local _M = {}


-- Writes a text as a Lua literal of plain ASCII: every other byte by its number.
local function literal(text)
  return '"' .. text:gsub("[^%w%-_/. ]", function(c)
    return format("\\%03d", c:byte())
  end) .. '"'
end


local REFUSE_CREDENTIALS = [[
local refused = { %s }
local credential = kong.client.get_credential()
if credential and refused[credential.id] then
  return kong.response.exit(403, { message = "Request blocked" })
end
]]


local function filled(pattern, text)
  return (pattern:gsub("%%(.)", function(c)
    return c == "s" and text or c
  end))
end


local function checked(code, name)
  local ok, err = load(code, "=hot_patch", "t", {})
  if not ok then
    return nil, "the template " .. name .. " does not compile: " .. err
  end

  return code
end


-- Renders what refuses credentials by their ids. Returns the code; nil and an error.
function _M.refuse_credentials(ids)
  local entries = {}
  for i, id in ipairs(ids) do
    entries[i] = "[" .. literal(id) .. "] = true"
  end

  return checked(format(REFUSE_CREDENTIALS, table.concat(entries, ", ")), "refuse_credentials")
end


-- Finds a template, as a pattern for string.format. own: those of the operator, { name, code } each; or nil.
function _M.find(name, own)
  if TEMPLATES[name] then
    return TEMPLATES[name]
  end

  for _, template in ipairs(own or {}) do
    if template.name == name then
      return (template.code:gsub("%%", "%%%%"):gsub(PARAMETER, "%%s"))
    end
  end
end


-- Renders a template. own: as find() takes them. Returns the code; nil and an error.
function _M.render(name, parameter, own)
  local template = _M.find(name, own)
  if not template then
    return nil, "there is no template of the name " .. tostring(name)
  elseif type(parameter) ~= "string" or parameter == "" then
    return nil, "the template " .. name .. " needs a parameter"
  elseif name == "refuse_body_size" and not parameter:match("^%d+$") then
    return nil, "the template refuse_body_size needs a number of bytes"
  end

  return checked(filled(template, literal(parameter)), name)
end


-- Checks a template of the operator's. Returns true; nil and an error.
function _M.check(template)
  local name, code = template.name, template.code
  if type(name) ~= "string" or type(code) ~= "string" then
    return true     -- the schema says so
  elseif TEMPLATES[name] then
    return nil, "templates: " .. name .. " is the name of a vetted template"
  end

  local compiles, err = checked(filled(_M.find(name, { template }), PROBE), name)
  return compiles and true, err
end


return _M
