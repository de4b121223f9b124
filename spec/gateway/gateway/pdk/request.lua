-- kong.request: the request as the client sent it.


local phase = require "gateway.pdk.phase"
local uri = require "gateway.uri"


local MAX_HEADERS = 1000
local MAX_QUERY_ARGS = 1000
local CHUNK_BYTES = 1048576

local before_content = phase.only_in("rewrite", "access", "response", "error", "admin_api")


local request = {}


function request.get_scheme()
  phase.in_request()
  return ngx.var.scheme
end


function request.get_host()
  phase.in_request()
  return ngx.var.host
end


function request.get_port()
  phase.in_request()
  return tonumber(ngx.var.server_port)
end


function request.get_http_version()
  phase.in_request()
  return ngx.req.http_version()
end


function request.get_method()
  phase.in_request()

  if ngx.ctx.KONG_UNEXPECTED and request.get_http_version() < 2 then
    local line = ngx.var.request
    return line and line:match("^(%S+) ") or ngx.req.get_method()
  end

  return ngx.req.get_method()
end


function request.get_raw_path()
  phase.in_request()
  local request_uri = ngx.var.request_uri or ""
  return (request_uri:match("^[^?]*"))
end


function request.get_path()
  phase.in_request()
  return uri.normalize(request.get_raw_path())
end


function request.get_path_with_query()
  phase.in_request()
  return ngx.var.request_uri or ""
end


function request.get_raw_query()
  phase.in_request()
  return ngx.var.args or ""
end


function request.get_query(max_args)
  phase.in_request()

  if max_args ~= nil and (type(max_args) ~= "number" or max_args < 1 or max_args > MAX_QUERY_ARGS) then
    error("max_args must be a number from 1 to " .. MAX_QUERY_ARGS, 2)
  end

  return ngx.req.get_uri_args(max_args)
end


function request.get_query_arg(name)
  local value = request.get_query()[name]
  return type(value) == "table" and value[1] or value
end


function request.get_header(name)
  phase.in_request()

  if type(name) ~= "string" then
    error("header name must be a string", 2)
  end

  local value = ngx.req.get_headers()[name]
  return type(value) == "table" and value[1] or value
end


function request.get_headers(max_headers)
  phase.in_request()

  if max_headers == nil then
    return ngx.req.get_headers()
  end

  if type(max_headers) ~= "number" then
    error("max_headers must be a number", 2)
  elseif max_headers < 1 then
    error("max_headers must be >= 1", 2)
  elseif max_headers > MAX_HEADERS then
    error("max_headers must be <= " .. MAX_HEADERS, 2)
  end

  return ngx.req.get_headers(max_headers)
end


local function read_spilled(path, max_allowed_file_size)
  local file, err = io.open(path, "r")
  if not file then
    return nil, "failed to open cached request body '" .. path .. "': " .. err
  end

  local size = file:seek("end") or 0
  if max_allowed_file_size > 0 and size > max_allowed_file_size then
    file:close()
    return nil, ("request body file too big: %d > %d"):format(size, max_allowed_file_size)
  end

  file:seek("set")
  local chunks = {}
  for chunk in function() return file:read(CHUNK_BYTES) end do
    chunks[#chunks + 1] = chunk
  end
  file:close()

  return table.concat(chunks)
end


function request.get_raw_body(max_allowed_file_size)
  before_content()

  ngx.req.read_body()
  local body = ngx.req.get_body_data()
  if body then
    return body
  end

  local path = ngx.req.get_body_file()
  if not path then
    return ""
  end

  if not max_allowed_file_size or max_allowed_file_size < 0 then
    return nil, "request body did not fit into client body buffer, consider raising 'client_body_buffer_size'"
  end

  return read_spilled(path, max_allowed_file_size)
end


function request.get_start_time()
  phase.in_request()
  return ngx.ctx.KONG_PROCESSING_START or ngx.req.start_time() * 1000
end


return request
