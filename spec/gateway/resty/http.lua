-- lua-resty-http in small, under its own name: one exchange, without TLS, keep-alive or proxies.
-- Hosts are IP addresses or localhost.


local ngx = ngx
local concat = table.concat


local DEFAULT_TIMEOUT_MS = 60000
-- Answers that never have a body.
local BODILESS = { [204] = true, [304] = true }


local Http = {}
Http.__index = Http


-- Header names are the same in any case.
local HEADERS_MT = {
  __index = function(headers, name)
    return type(name) == "string" and rawget(headers, name:lower()) or nil
  end,
}


function Http.new()
  return setmetatable({ timeouts = { DEFAULT_TIMEOUT_MS, DEFAULT_TIMEOUT_MS, DEFAULT_TIMEOUT_MS } }, Http)
end


function Http:set_timeout(timeout_ms)
  self.timeouts = { timeout_ms, timeout_ms, timeout_ms }
end


function Http:set_timeouts(connect_ms, send_ms, read_ms)
  self.timeouts = { connect_ms, send_ms, read_ms }
end


-- Splits a URI into scheme, host, port, path and query. Returns a list of them, or nil and an error.
function Http.parse_uri(_, uri)
  local scheme, authority, rest = uri:match("^(https?)://([^/?]+)(.*)$")
  if not scheme then
    return nil, "bad uri: " .. tostring(uri)
  end

  local host, port = authority:match("^(%[[^%]]+%]):?(%d*)$")
  if not host then
    host, port = authority:match("^([^:]+):?(%d*)$")
  end
  if not host then
    return nil, "bad uri: " .. uri
  end

  local path, query = rest:match("^([^?]*)%??(.*)$")
  return { scheme, host, tonumber(port) or (scheme == "https" and 443 or 80), path ~= "" and path or "/", query }
end


local function request_text(host, port, path, params)
  local headers = { host = host .. ":" .. port, connection = "close", ["user-agent"] = "embedded-gateway" }
  for name, value in pairs(params.headers or {}) do
    headers[name:lower()] = value
  end
  local body = params.body or ""
  if body ~= "" or params.method == "POST" or params.method == "PUT" or params.method == "PATCH" then
    headers["content-length"] = #body
  end

  local lines = { (params.method or "GET") .. " " .. path .. " HTTP/1.1" }
  for name, value in pairs(headers) do
    lines[#lines + 1] = name .. ": " .. tostring(value)
  end

  return concat(lines, "\r\n") .. "\r\n\r\n" .. body
end


local function read_headers(sock)
  local headers = setmetatable({}, HEADERS_MT)
  while true do
    local line, err = sock:receive("*l")
    if not line then
      return nil, err
    elseif line == "" then
      return headers
    end

    local name, value = line:match("^([^:]+):%s*(.-)%s*$")
    if name then
      headers[name:lower()] = value
    end
  end
end


local function read_chunks(sock)
  local parts = {}
  while true do
    local line, err = sock:receive("*l")
    local size = line and tonumber(line:match("^%x+"), 16)
    if not size then
      return nil, err or "bad chunk"
    elseif size == 0 then
      sock:receive("*l")
      return concat(parts)
    end

    parts[#parts + 1], err = sock:receive(size)
    if err then
      return nil, err
    end
    sock:receive("*l")
  end
end


local function read_body(sock, method, status, headers)
  if method == "HEAD" or BODILESS[status] then
    return ""
  elseif headers["transfer-encoding"] == "chunked" then
    return read_chunks(sock)
  elseif headers["content-length"] then
    local size = tonumber(headers["content-length"])
    return size == 0 and "" or sock:receive(size)
  end

  return sock:receive("*a")
end


local function read_response(sock, method)
  local status, headers, err
  repeat
    local line
    line, err = sock:receive("*l")
    if not line then
      return nil, err
    end

    status = tonumber(line:match("^HTTP/%d%.%d (%d%d%d)"))
    if not status then
      return nil, "bad status line"
    end
    headers, err = read_headers(sock)
    if not headers then
      return nil, err
    end
  until status >= 200

  local body
  body, err = read_body(sock, method, status, headers)
  if not body then
    return nil, err
  end

  return { status = status, headers = headers, body = body, has_body = body ~= "" }
end


-- Sends one request. params: method, path, query, headers, body. Returns { status, headers, body },
-- or nil and an error.
function Http:request_uri(uri, params)
  params = params or {}
  local parsed, err = self:parse_uri(uri)
  if not parsed then
    return nil, err
  end

  local scheme, host, port, path, query = unpack(parsed)
  if scheme ~= "http" then
    return nil, "the embedded gateway speaks no TLS"
  end
  path, query = params.path or path, params.query or query

  local sock = ngx.socket.tcp()
  sock:settimeouts(unpack(self.timeouts))
  local ok
  ok, err = sock:connect(host == "localhost" and "127.0.0.1" or host, port)
  if not ok then
    return nil, err
  end

  local response
  ok, err = sock:send(request_text(host, port, query ~= "" and path .. "?" .. query or path, params))
  if ok then
    response, err = read_response(sock, params.method)
  end
  sock:close()
  return response, err
end


return Http
