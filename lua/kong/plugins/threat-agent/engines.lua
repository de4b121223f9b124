-- The engines by configuration: what the native library is told of one, and what it makes of that. Every
-- function returns a value, or nil and an error; nothing raises.

local ffi = require "ffi"
local cjson = require "cjson.safe"
local library = require "kong.plugins.threat-agent.library"
local references = require "kong.plugins.threat-agent.references"


local ngx = ngx
local next = next
local type = type
local pairs = pairs
local ipairs = ipairs
local set_str = library.set_str
local setmetatable = setmetatable


local _M = {}


-- The fields of the plugin's config that the engine knows; the others are for Lua alone.
local ENGINE_FIELDS = {
  "mode",
  "enforce_ratio",
  "enforce_ratios",
  "sampling_ratio",
  "auth_failure_statuses",
  "allowlist",
  "rules",
  "limits",
  "payload",
  "behaviour",
}


local engine_out, str


library.when_loaded(function()
  engine_out = ffi.new("ta_engine_t *[1]")
  str = ffi.new("ta_str_t")
end)


-- Copies what the engine is to see: no nulls, and no empty tables, whose JSON is ambiguous.
local function plain(value)
  if type(value) ~= "table" then
    return value
  end

  local copy = {}
  for k, v in pairs(value) do
    if v ~= nil and v ~= ngx.null then
      v = plain(v)
      if type(v) ~= "table" or next(v) ~= nil then
        copy[k] = v
      end
    end
  end

  return copy
end


local function is_empty(list)
  return type(list) == "table" and #list == 0
end


local function instance_scope(conf)
  return conf.route_id and "route" or conf.service_id and "service" or "global"
end


local function encode(conf)
  local fields = { instance_scope = instance_scope(conf) }
  for _, name in ipairs(ENGINE_FIELDS) do
    fields[name] = conf[name]
  end

  local protected = conf.response and conf.response.protected
  fields.protected_cidrs = protected and protected.cidrs

  fields = plain(fields)
  -- An empty list is not the default list.
  if is_empty(conf.auth_failure_statuses) then
    fields.auth_failure_statuses = cjson.empty_array
  end
  if conf.payload and is_empty(conf.payload.families) then
    fields.payload = fields.payload or {}
    fields.payload.families = cjson.empty_array
  end
  if conf.behaviour and is_empty(conf.behaviour.account_fields) then
    fields.behaviour = fields.behaviour or {}
    fields.behaviour.account_fields = cjson.empty_array
  end

  local json, err = cjson.encode(fields)
  return json, err and "could not encode the configuration: " .. err
end


-- Checks a config as the engine would, without keeping anything. Returns true, or nil and what
-- is wrong.
function _M.check(conf)
  local json, err = encode(conf)
  if not json then
    return nil, err
  end

  set_str(str, json)
  if library.C.ta_config_check(str) ~= 0 then
    return nil, library.text(library.C.ta_last_error)
  end

  return true
end


local function free(handle)
  library.C.ta_engine_free(handle)
end


local function compile(json)
  set_str(str, json)

  local status = library.C.ta_engine_new(str, engine_out)
  if status < 0 then
    return nil, library.error("compile the configuration")
  end

  -- A Lua closure, because a C function as finaliser is gone before the VM closes.
  local engine = ffi.gc(engine_out[0], function(handle) free(handle) end)
  if status == library.PARTIAL then
    return engine, "left out of the configuration: " .. library.text(library.C.ta_last_error)
  end

  return engine
end


-- Compiles a config by itself. Returns the engine and, where rules had to be left out, which; or nil and
-- an error.
function _M.compile(conf)
  local json, err = encode(conf)
  if not json then
    return nil, err
  end

  return compile(json)
end


local by_conf = setmetatable({}, { __mode = "k" })      -- conf → engine, or false
local by_content = setmetatable({}, { __mode = "v" })   -- JSON → engine


-- Finds or makes the engine of a conf table. The second value is an error that is new: to be
-- logged by the caller, once per conf.
function _M.of(conf)
  local engine = by_conf[conf]
  if engine ~= nil then
    return engine or nil
  end

  local json, err = encode(conf)
  if json then
    engine = by_content[json]
    if not engine then
      engine, err = compile(json)
      by_content[json] = engine
    end
  end

  by_conf[conf] = engine or false
  references.narrow(conf)
  return engine, err
end


-- Lists the confs that this worker has engines for.
function _M.known_confs()
  local confs = {}
  for conf, engine in pairs(by_conf) do
    if engine then
      confs[#confs + 1] = conf
    end
  end

  return confs
end


return _M
