-- kong.response: the answer to the client. `exit` in `access` is kept until the other
-- plugins have been passed over, as in Kong; elsewhere it answers at once.


local error_body = require "gateway.error_body"
local json = require "gateway.json"
local phase = require "gateway.pdk.phase"


local lower = string.lower
local type = type
local pairs = pairs


local JSON_TYPE = "application/json; charset=utf-8"
local GRPC_TYPE = "application/grpc"

local may_read = phase.only_in("response", "header_filter", "body_filter", "log", "error", "admin_api")
local may_write = phase.only_in("rewrite", "access", "balancer", "response", "header_filter", "error", "admin_api")


local response = {}


local function check_header_value(name, value)
  local kind = type(value)
  if kind == "table" then
    for _, item in ipairs(value) do
      if type(item) ~= "string" then
        error(("invalid header value in array %q: got %s, expected string"):format(name, type(item)), 4)
      end
    end
  elseif kind ~= "string" and kind ~= "number" and kind ~= "boolean" then
    error(("invalid header value for %q: got %s, expected array of string, string, number or boolean")
          :format(name, kind), 4)
  end
end


local function check_header(name, value)
  if type(name) ~= "string" then
    error(("invalid header name %q: got %s, expected string"):format(tostring(name), type(name)), 3)
  end

  check_header_value(name, value)
end


local function header_value(value)
  if type(value) == "table" then
    return value
  end

  return (tostring(value):gsub("^%s+", ""):gsub("%s+$", ""))
end


local function send(status, body, headers)
  ngx.status = status

  local given = {}
  for name, value in pairs(headers or {}) do
    local key = lower(name):gsub("_", "-")
    given[key] = true
    if key ~= "transfer-encoding" then
      ngx.header[name] = header_value(value)
    end
  end

  if type(body) == "table" then
    local text, err = json.encode(body)
    if not text then
      error("body encoding failed while flushing response: " .. err, 2)
    end

    body = text
    if not given["content-type"] then
      ngx.header["Content-Type"] = JSON_TYPE
    end
  end

  if not given["content-length"] then
    ngx.header["Content-Length"] = body and #body or 0
  end

  if ngx.ctx.KONG_PHASE == "header_filter" then
    ngx.ctx.response_body = body
    return ngx.exit(ngx.OK)
  end

  if body then
    ngx.print(body)
  end

  return ngx.exit(status)
end


-- Sends the answer that `exit` or `error` left behind in `access`.
function response.flush(ctx)
  local delayed = ctx.delayed_response
  return send(delayed.status_code, delayed.content, delayed.headers)
end


local function finish(status, body, headers)
  local ctx = ngx.ctx
  ctx.KONG_EXITED = true

  if ctx.delay_response and not ctx.delayed_response then
    ctx.delayed_response = { status_code = status, content = body, headers = headers }
    coroutine.yield()
    return
  end

  return send(status, body, headers)
end


local function check_exit(status, least, headers)
  may_write()

  if ngx.headers_sent then
    error("headers have already been sent", 3)
  end

  if type(status) ~= "number" then
    error("code must be a number", 3)
  elseif status < least or status > 599 then
    error(("code must be a number between %u and 599"):format(least), 3)
  end

  if headers ~= nil and type(headers) ~= "table" then
    error("headers must be a nil or table", 3)
  end

  for name, value in pairs(headers or {}) do
    check_header(name, value)
  end
end


function response.exit(status, body, headers)
  check_exit(status, 100, headers)

  if body ~= nil and type(body) ~= "string" and type(body) ~= "table" then
    error("body must be a nil, string or table", 2)
  end

  return finish(status, body, headers)
end


function response.error(status, message, headers)
  check_exit(status, 400, headers)

  if type(message) == "table" then
    message = json.encode(message)
  end

  headers = headers or {}
  local content_type = headers["Content-Type"]
  if not content_type then
    content_type = error_body.type_for(ngx.req.get_headers()["Accept"])
    headers["Content-Type"] = content_type
  end

  local body
  if content_type ~= GRPC_TYPE then
    body = error_body.render(content_type, message or error_body.message_for(status))
  end

  return finish(status, body, headers)
end


function response.get_status()
  may_read()
  return ngx.status
end


function response.get_header(name)
  may_read()

  if type(name) ~= "string" then
    error("header name must be a string", 2)
  end

  local value = ngx.resp.get_headers()[name]
  return type(value) == "table" and value[1] or value
end


function response.get_headers(max_headers)
  may_read()
  return ngx.resp.get_headers(max_headers)
end


function response.get_source()
  may_read()

  local ctx = ngx.ctx
  if ctx.KONG_UNEXPECTED then
    return "error"
  elseif ctx.KONG_EXITED then
    return "exit"
  elseif ctx.KONG_PROXIED then
    return "service"
  end

  return "error"
end


function response.set_status(status)
  may_write()
  ngx.status = status
end


function response.set_header(name, value)
  may_write()

  if ngx.headers_sent then
    error("headers have already been sent", 2)
  end

  check_header(name, value)
  ngx.header[name] = header_value(value)
end


function response.add_header(name, value)
  may_write()

  if ngx.headers_sent then
    error("headers have already been sent", 2)
  end

  check_header(name, value)
  require("ngx.resp").add_header(name, header_value(value))
end


function response.clear_header(name)
  may_write()

  if ngx.headers_sent then
    error("headers have already been sent", 2)
  end

  ngx.header[name] = nil
end


return response
