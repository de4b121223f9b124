-- kong.log: levels, and the serializer that log plugins write.


local errlog = require "ngx.errlog"
local phase = require "gateway.pdk.phase"
local workspace = require "gateway.workspace"


local type = type
local pairs = pairs
local select = select
local tostring = tostring
local tonumber = tonumber
local getinfo = debug.getinfo


local LEVELS = {
  debug = ngx.DEBUG, info = ngx.INFO, notice = ngx.NOTICE, warn = ngx.WARN, err = ngx.ERR,
  crit = ngx.CRIT, alert = ngx.ALERT, emerg = ngx.EMERG,
}
local SOURCES = { exit = "kong", error = "kong", service = "upstream" }
local MODES = { set = true, add = true, replace = true }
local INVALID_VALUE = "value must be nil, a number, string, boolean or a non-self-referencial table "
  .. "containing numbers, string and booleans"

local may_set = phase.only_in("rewrite", "access", "response", "header_filter", "body_filter", "log")
local may_serialize = phase.only_in("log")


local function writer(level, namespace)
  return function(...)
    if ngx.get_phase() ~= "init" and level > errlog.get_sys_filter_level() then
      return
    end

    local parts = {}
    for i = 1, select("#", ...) do
      parts[i] = tostring((select(i, ...)))
    end

    local info = getinfo(2, "Sl")
    errlog.raw_log(level, ("[kong] %s:%d %s%s"):format(info.short_src:match("[^/]*$"), info.currentline,
                                                     namespace and "[" .. namespace .. "] " or "",
                                                     table.concat(parts)))
  end
end


local function is_valid(value, visited)
  local kind = type(value)
  if value == nil or value == ngx.null or kind == "number" or kind == "string" or kind == "boolean" then
    return true
  end

  if kind ~= "table" or visited[value] then
    return false
  end

  visited[value] = true
  for key, item in pairs(value) do
    local key_kind = type(key)
    if (key_kind ~= "string" and key_kind ~= "number" and key_kind ~= "boolean") or not is_valid(item, visited) then
      return false
    end
  end

  return true
end


-- Splits a key on its dots and gives the table that holds its last part, and that part.
local function descend(root, key, create)
  local node = root
  local from = 1
  while true do
    local dot = key:find(".", from, true)
    if not dot then
      return node, key:sub(from)
    end

    local step = key:sub(from, dot - 1)
    if node[step] == nil then
      if not create then
        return nil
      end
      node[step] = {}
    elseif type(node[step]) ~= "table" then
      error("The key '" .. key .. "' could not be used as a serialize value. Subkey '" .. step
            .. "' is not a table. It's " .. tostring(node[step]))
    end

    node = node[step]
    from = dot + 1
  end
end


local function apply_values(root, values)
  for _, entry in ipairs(values) do
    if not is_valid(entry.value, {}) then
      error(INVALID_VALUE, 3)
    end

    local node, last = descend(root, entry.key, entry.mode ~= "replace")
    local existing = node and node[last]
    if node and (entry.mode == "set"
                 or (entry.mode == "add" and existing == nil)
                 or (entry.mode == "replace" and existing ~= nil))
    then
      node[last] = entry.value
    end
  end
end


local function set_serialize_value(key, value, options)
  may_set()

  if type(key) ~= "string" then
    error("key must be a string", 2)
  end

  local mode = options and options.mode or "set"
  if not MODES[mode] then
    error("mode must be 'set', 'add' or 'replace'", 2)
  end

  local ctx = ngx.ctx
  ctx.serialize_values = ctx.serialize_values or {}
  table.insert(ctx.serialize_values, { key = key, value = value, mode = mode })
end


local function copy(value)
  if type(value) ~= "table" then
    return value
  end

  local made = {}
  for key, item in pairs(value) do
    made[key] = copy(item)
  end
  return setmetatable(made, getmetatable(value))
end


local function upstream_uri_of(var, request_uri)
  local uri = var.upstream_uri or ""
  if uri ~= "" and not uri:find("?", 1, true) then
    if request_uri:sub(-1) == "?" then
      return uri .. "?"
    elseif var.is_args == "?" then
      return uri .. "?" .. (var.args or "")
    end
  end

  return uri
end


local function serialize()
  may_serialize()

  local ctx, var = ngx.ctx, ngx.var
  local request_uri = ctx.request_uri or var.request_uri or ""
  local headers = kong.request.get_headers()
  if headers["authorization"] ~= nil then
    headers["authorization"] = "REDACTED"
  end
  if headers["proxy-authorization"] ~= nil then
    headers["proxy-authorization"] = "REDACTED"
  end

  local credential = ctx.authenticated_credential
  local root = {
    request = {
      id = var.kong_request_id,
      uri = request_uri,
      url = var.scheme .. "://" .. var.host .. ":" .. var.server_port .. request_uri,
      querystring = kong.request.get_query(),
      method = kong.request.get_method(),
      headers = headers,
      size = tonumber(var.request_length),
    },
    upstream_uri = upstream_uri_of(var, request_uri),
    upstream_status = var.upstream_status or "",
    response = {
      status = ngx.status,
      headers = ngx.resp.get_headers(),
      size = tonumber(var.bytes_sent),
    },
    latencies = {
      kong = ctx.KONG_PROXY_LATENCY or ctx.KONG_RESPONSE_LATENCY or 0,
      proxy = ctx.KONG_WAITING_TIME or -1,
      request = tonumber(var.request_time) * 1000,
      receive = ctx.KONG_RECEIVE_TIME or 0,
    },
    tries = ctx.balancer_data and ctx.balancer_data.tries,
    authenticated_entity = credential and { id = credential.id, consumer_id = credential.consumer_id },
    route = copy(ctx.route),
    service = copy(ctx.service),
    consumer = copy(ctx.authenticated_consumer),
    client_ip = var.remote_addr,
    started_at = ctx.KONG_PROCESSING_START,
    source = SOURCES[kong.response.get_source()],
    workspace = workspace.ID,
    workspace_name = workspace.NAME,
  }

  if ctx.serialize_values then
    apply_values(root, ctx.serialize_values)
  end

  return root
end


-- A log facility; with a namespace it names the plugin in each line.
local function new(namespace)
  local log = { set_serialize_value = set_serialize_value, serialize = serialize }
  for name, level in pairs(LEVELS) do
    log[name] = writer(level, namespace)
  end

  return setmetatable(log, { __call = function(_, ...) return log.notice(...) end })
end


return { new = new }
