-- What is kept of one of Kong's entities: without secrets, without nulls, without what Kong keeps for itself.

local cjson = require "cjson.safe"
local entities = require "kong.plugins.threat-agent.entities"
local redact = require "kong.plugins.threat-agent.redact"


local kong = kong
local ngx = ngx
local ipairs = ipairs
local pairs = pairs
local type = type


-- What Kong keeps for itself, or what changes without a meaning; who is told of what is the agent's own.
local IGNORED = { created_at = true, updated_at = true, ws_id = true, __key__ = true, notifications = true }

-- Plugins whose texts are programs: they may hold secrets under any name, and are never taken back.
local CODE = { ["post-function"] = true, ["pre-function"] = true }


-- Whether a text may hold a secret. The first look is cheap: most texts end there.
local function holds_secret(text)
  return type(text) == "string" and text:find("[:=.]") and redact.text(text) ~= text
end


local is_left_out

-- Whether something of a map would be left out.
local function is_partly_left_out(map)
  for name, field in pairs(map) do
    if is_left_out(name, field) then
      return true
    end
  end

  return false
end


-- Whether a field is left out: half a list would be a different list, and half a map a different map.
function is_left_out(name, field)
  if type(field) ~= "table" then
    return redact.is_secret(name) or holds_secret(field)
  elseif field[1] == nil then
    return entities.MAPS[name] and is_partly_left_out(field)
  elseif redact.is_secret(name) then
    return true
  end

  for _, item in ipairs(field) do
    if holds_secret(item) then
      return true
    end
  end

  return false
end


-- Copies what stands without Kong's own fields, secrets and nulls. fields: what Kong's schema says of them, by
-- name; nil where it says nothing.
local function copy_of(value, depth, fields)
  if type(value) ~= "table" or depth > 8 then
    return value
  end

  local copy = setmetatable({}, #value > 0 and cjson.array_mt or nil)
  for name, field in pairs(value) do
    local of_schema = fields and fields[name] or {}
    if field ~= ngx.null and type(field) ~= "function" and not IGNORED[name] and not of_schema.encrypted
       and not is_left_out(name, field)
    then
      copy[name] = copy_of(field, depth + 1, of_schema.fields)
    end
  end

  return copy
end


-- What Kong's schema says of a plugin.
local function fields_of(plugin)
  local schema = kong.db.plugins.schema
  local of_name = schema and schema.subschemas and schema.subschemas[plugin.name]
  return of_name and { config = of_name.fields and of_name.fields.config } or nil
end


-- Writes marks for texts of code: enough to see that they have changed.
local function marks_of(config)
  local marks = {}
  for phase, code in pairs(config) do
    marks[phase] = setmetatable({}, cjson.array_mt)
    for i, text in ipairs(type(code) == "table" and code or {}) do
      marks[phase][i] = "code " .. ngx.md5(text)
    end
  end

  return marks
end


-- Copies an entity, as Kong hands it out or as a decK file has it.
return function(entity)
  local is_plugin = type(entity.config) == "table"
  local copy = copy_of(entity, 0, is_plugin and fields_of(entity) or nil)
  if is_plugin and CODE[entity.name] then
    copy.config = marks_of(entity.config)
  end

  return copy
end
