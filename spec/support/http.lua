-- A small HTTP/1.1 client on LuaSocket that sends exactly what it is told to.


local cjson = require "cjson.safe"
local socket = require "socket"


local TIMEOUT_S = 10


local client = {}
client.__index = client


local function read_headers(sock)
  local headers = {}
  while true do
    local line, err = sock:receive("*l")
    if not line then
      return nil, err
    end
    if line == "" then
      return headers
    end

    local name, value = line:match("^([^:]+):%s*(.-)%s*$")
    if name then
      name = name:lower()
      headers[name] = headers[name] and headers[name] .. ", " .. value or value
    end
  end
end


local function read_chunks(sock)
  local chunks = {}
  while true do
    local line, err = sock:receive("*l")
    if not line then
      return nil, err
    end

    local size = tonumber(line:match("^%x+"), 16)
    if size == 0 then
      read_headers(sock)
      return table.concat(chunks)
    end

    local chunk
    chunk, err = sock:receive(size)
    if not chunk then
      return nil, err
    end
    chunks[#chunks + 1] = chunk
    sock:receive("*l")
  end
end


local function read_body(sock, method, status, headers)
  if method == "HEAD" or status == 204 or status == 304 then
    return ""
  end

  if (headers["transfer-encoding"] or ""):find("chunked", 1, true) then
    return read_chunks(sock)
  end

  local length = tonumber(headers["content-length"])
  if length then
    -- LuaSocket calls a read of nothing from a closed connection an error.
    return length == 0 and "" or sock:receive(length)
  end

  local body, _, rest = sock:receive("*a")
  return body or rest
end


-- Reads one response: { status, headers (lower-case names), body, json }, or nil and an error.
local function read_response(sock, method)
  local line, err = sock:receive("*l")
  if not line then
    return nil, err
  end

  local status = tonumber(line:match("^HTTP/%d%.%d (%d%d%d)"))
  if not status then
    return nil, "no status line: " .. line
  end

  local headers
  headers, err = read_headers(sock)
  if not headers then
    return nil, err
  end

  if status == 100 then
    return read_response(sock, method)
  end

  local body
  body, err = read_body(sock, method, status, headers)
  if not body then
    return nil, err
  end

  local is_json = (headers["content-type"] or ""):find("application/json", 1, true)
  return { status = status, headers = headers, body = body, json = is_json and cjson.decode(body) or nil }
end


local function encode_request(request, host)
  local body = request.body
  local headers = { ["host"] = host }
  for name, value in pairs(request.headers or {}) do
    headers[name:lower()] = value
  end

  if request.json ~= nil then
    body = cjson.encode(request.json)
    headers["content-type"] = headers["content-type"] or "application/json"
  end
  if body and not headers["content-length"] and not headers["transfer-encoding"] then
    headers["content-length"] = #body
  end

  local lines = { ("%s %s HTTP/1.1"):format(request.method or (body and "POST" or "GET"), request.path or "/") }
  for name, value in pairs(headers) do
    for _, one in ipairs(type(value) == "table" and value or { value }) do
      lines[#lines + 1] = name .. ": " .. tostring(one)
    end
  end

  return table.concat(lines, "\r\n") .. "\r\n\r\n" .. (body or "")
end


-- Opens a connection, or gives nil and an error.
local function connect(port, timeout_s)
  local sock = socket.tcp()
  sock:settimeout(timeout_s or TIMEOUT_S)
  local ok, err = sock:connect("127.0.0.1", port)
  if not ok then
    sock:close()
    return nil, err
  end

  return setmetatable({ sock = sock, host = "127.0.0.1:" .. port }, client)
end


-- Sends a request { method, path, headers, body | json } and reads its response.
-- The connection stays open.
function client:request(request)
  local ok, err = self.sock:send(encode_request(request, self.host))
  if not ok then
    return nil, err
  end

  return read_response(self.sock, request.method)
end


-- Sends bytes as they are.
function client:send(bytes)
  return self.sock:send(bytes)
end


-- Reads one response to what was sent.
function client:read(method)
  return read_response(self.sock, method)
end


function client:close()
  self.sock:close()
end


-- One request on a connection of its own.
local function request(port, options)
  local conn, err = connect(port, options.timeout_s)
  if not conn then
    return nil, err
  end

  local headers = { connection = "close" }
  for name, value in pairs(options.headers or {}) do
    headers[name:lower()] = value
  end

  local response
  response, err = conn:request({
    method = options.method,
    path = options.path,
    headers = headers,
    body = options.body,
    json = options.json,
  })
  conn:close()
  return response, err
end


-- Sends bytes as they are on a connection of its own and gives all that comes back.
local function raw(port, bytes, timeout_s)
  local conn, err = connect(port, timeout_s)
  if not conn then
    return nil, err
  end

  conn.sock:send(bytes)
  local all, _, part = conn.sock:receive("*a")
  conn:close()
  return all or part
end


return {
  connect = connect,
  request = request,
  raw = raw,
}
