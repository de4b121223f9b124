-- With wire.lua, which points at what nginx holds, the only reader of the request: gathers raw bytes
-- for the engine.
--
-- What is gathered lies in one table that the next request reuses: it is handed to native.lua
-- before anything can yield.

local native = require "kong.plugins.threat-agent.native"
local wire = require "kong.plugins.threat-agent.wire"


local kong = kong
local ngx = ngx
local pcall = pcall
local type = type
local ipairs = ipairs
local get_method = ngx.req.get_method
local http_version = ngx.req.http_version
local read_body = ngx.req.read_body
local get_body_data = ngx.req.get_body_data
local get_body_file = ngx.req.get_body_file


local BODY = native.UNINSPECTED

local STAGE = native.STAGE

local GRPC = { grpc = true, grpcs = true }

-- What nginx holds in memory by default.
local SHORT_BODY_BYTES = 8192

local BODYLESS_METHODS = { GET = true, HEAD = true, OPTIONS = true, TRACE = true }

local EMPTY = ""

-- Of nginx's variables: the length that a request declares.
local LENGTH = "content_length"


local _M = {}


-- All fields from the start: what is compiled for a table holds until it grows.
local gathered = {
  -- native.lua points at the address itself.
  client_ip = EMPTY,
  has_client_ip = false,
  workspace = EMPTY,
  route = EMPTY,
  service = EMPTY,
  consumer = EMPTY,
  credential = EMPTY,
  method = EMPTY,
  stage = STAGE.whole,
  body = EMPTY,
  body_len = 0,
  body_unread = 0,
  body_unread_bytes = 0,
}


local trusts_all


-- Tells whether Kong believes forwarded addresses from anyone: then a client's address is what
-- the client says, and nothing may be decided by it.
local function client_ip_is_forgeable()
  if trusts_all == nil then
    trusts_all = false
    for _, cidr in ipairs(kong.configuration.trusted_ips or {}) do
      if cidr == "0.0.0.0/0" or cidr == "::/0" then
        trusts_all = true
      end
    end
  end

  return trusts_all
end

_M.client_ip_is_forgeable = client_ip_is_forgeable


local function read_file(path, max_bytes)
  local file, err = io.open(path, "rb")
  if not file then
    return nil, err
  end

  local size = file:seek("end")
  file:seek("set")
  local data = file:read(max_bytes)
  file:close()

  return data or EMPTY, size
end


-- What the route and the service say, not the client: headers would be a way past inspection.
local function is_streamed()
  local route, service = kong.router.get_route(), kong.router.get_service()
  return (route ~= nil and route.request_buffering == false)
         or (service ~= nil and GRPC[service.protocol] ~= nil)
end


local function set_body(body, len, unread, unread_bytes)
  gathered.body = body
  gathered.body_len = len
  gathered.body_unread = unread
  gathered.body_unread_bytes = unread_bytes
end


-- Tells whether a request without Content-Length may have a body.
local function may_have_body(method)
  local chunked = wire.has("http_transfer_encoding")
  local bodyless = BODYLESS_METHODS[method]
  -- Asked last: no trace is compiled across http_version().
  if bodyless and not chunked then
    return false
  end

  -- nil for versions that nginx takes and Lua does not know, such as 1.2.
  if (http_version() or 1.1) < 2 then
    return chunked
  end

  -- HTTP/2 tells no length, and nginx cannot read such a body for Lua.
  return not bodyless
end


-- Returns the body that was read and its length; nil where it lies in a file. nginx may have kept the
-- pointer from before another plugin changed the body, and with it the declared length.
local function body_in_memory(declared)
  local body, len = wire.body()
  if body and len == declared then
    return body, len
  end

  body = get_body_data()
  return body, body and #body
end


-- Reads the body as far as the config allows. May yield.
-- Returns body, its length to inspect, why the rest is unread, and the rest's length.
local function fetch_body(conf, declared)
  if is_streamed() then
    return EMPTY, 0, BODY.body_streamed, declared or 0
  end

  if not pcall(read_body) then
    return EMPTY, 0, BODY.body_unreadable, declared or 0
  end

  local payload = conf.payload
  local max = payload.max_body_bytes
  local body, len = body_in_memory(declared)
  if body then
    if len <= max then
      return body, len, 0, 0
    end

    return body, max, BODY.body_too_large, len - max
  end

  local path = get_body_file()
  if not path then
    return EMPTY, 0, 0, 0
  end

  if not payload.read_body_files then
    return EMPTY, 0, BODY.body_on_disk, declared or 0
  end

  local data, size = read_file(path, max)
  if not data then
    return EMPTY, 0, BODY.body_unreadable, declared or 0
  end

  local unread = size - #data
  return data, #data, unread > 0 and BODY.body_too_large or 0, unread
end


-- Gathers who sent the request, and where it goes.
local function identity()
  local ctx = ngx.ctx
  local route, service = ctx.route, ctx.service
  local consumer, credential = ctx.authenticated_consumer, ctx.authenticated_credential

  gathered.has_client_ip = not client_ip_is_forgeable()
  gathered.workspace = ctx.workspace or EMPTY
  gathered.route = route and route.id or EMPTY
  gathered.service = service and service.id or EMPTY
  gathered.consumer = consumer and consumer.id or EMPTY
  gathered.credential = credential and credential.id or EMPTY

  return gathered
end

_M.identity = identity


-- Tells in `access` whether a body is to come and is to be inspected, and whether it is so long, or its
-- length so unknown, that who sent it should be asked for first.
function _M.expects_body(conf)
  local method, declared = get_method(), wire.number(LENGTH)
  local has_body = conf.payload.enabled
                   and (declared ~= nil and declared > 0 or declared == nil and may_have_body(method))
  gathered.method = method

  return has_body, has_body and (declared == nil or declared > SHORT_BODY_BYTES)
end


-- Gathers a request in `access` without its body, right after `expects_body`, which gathers its method.
function _M.read_head(stage)
  set_body(EMPTY, 0, 0, 0)
  gathered.stage = stage
  return identity()
end


-- Gathers a request in `access` with its body. May yield, before anything is gathered.
-- after_head: whether the engine has seen its head already.
function _M.read_whole(conf, after_head)
  set_body(fetch_body(conf, wire.number(LENGTH)))
  gathered.method = get_method()
  gathered.stage = after_head and STAGE.body or STAGE.whole
  return identity()
end


-- Gives the body that is gathered, to be kept for `read_rest`: what was read from a file, at most `payload.max_body_bytes`, is
-- not read again for each look. nil where nginx holds it in memory, or there is none.
function _M.body()
  local body = gathered.body
  if type(body) ~= "string" or body == EMPTY then
    return nil
  end

  return { bytes = body, len = gathered.body_len, unread = gathered.body_unread, unread_bytes = gathered.body_unread_bytes }
end


-- Gathers a request in `access` once more, for what a look did not reach. Its body has been read. kept: what `body` gave.
function _M.read_rest(conf, kept)
  local has_body = _M.expects_body(conf)
  if kept then
    set_body(kept.bytes, kept.len, kept.unread, kept.unread_bytes)
  elseif has_body then
    set_body(fetch_body(conf, wire.number(LENGTH)))
  else
    set_body(EMPTY, 0, 0, 0)
  end

  gathered.stage = STAGE.rest
  return identity()
end


-- Gathers in `log` what is left of a request whose client went before all of it was looked at.
function _M.read_gone()
  set_body(EMPTY, 0, 0, 0)
  gathered.method = get_method()
  gathered.stage = STAGE.rest
  return identity()
end


-- Gathers a request in `log`, where bodies cannot be read any more. after_head: as of `read_whole`.
function _M.read_late(after_head)
  local declared = wire.number(LENGTH) or 0
  set_body(EMPTY, 0, declared > 0 and BODY.body_not_seen or 0, declared)
  gathered.method = get_method()
  gathered.stage = after_head and STAGE.body or STAGE.late
  return identity()
end


return _M
