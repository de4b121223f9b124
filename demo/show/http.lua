-- An HTTP/1.1 client for tasks of the loop: one connection, kept alive.

local socket = require "socket"
local loop = require "show.loop"


local TIMEOUT_S = 10


local Client = {}
Client.__index = Client


-- Makes a client of 127.0.0.1:port. headers: sent with every request.
function Client.new(port, headers)
  return setmetatable({ port = port, headers = headers or {}, buffer = "" }, Client)
end


function Client:close()
  if self.sock then
    self.sock:close()
    self.sock = nil
  end
  self.buffer = ""
end


function Client:connect()
  local sock = socket.tcp()
  sock:settimeout(0)
  local ok, err = sock:connect("127.0.0.1", self.port)
  if not ok and err == "timeout" then
    loop.writable(sock, TIMEOUT_S)
    ok, err = sock:connect("127.0.0.1", self.port)
    ok = ok or err == "already connected"
  end

  if not ok then
    sock:close()
    return nil, "could not connect: " .. tostring(err)
  end

  self.sock = sock
  return true
end


function Client:send(data)
  local sent = 0
  while sent < #data do
    local last, err, partial = self.sock:send(data, sent + 1)
    sent = last or partial or sent
    if err == "timeout" then
      if not loop.writable(self.sock, TIMEOUT_S) then
        return nil, "timeout"
      end
    elseif err then
      return nil, err
    end
  end

  return true
end


-- Takes more bytes into the buffer.
function Client:fill()
  local data, err, partial = self.sock:receive(16384)
  data = data or partial
  if data and #data > 0 then
    self.buffer = self.buffer .. data
    return true
  end

  if err ~= "timeout" then
    return nil, err
  end

  if not loop.readable(self.sock, TIMEOUT_S) then
    return nil, "timeout"
  end

  return true
end


-- Takes everything up to and with a delimiter out of the buffer.
function Client:take_to(delimiter)
  while true do
    local _, stop = self.buffer:find(delimiter, 1, true)
    if stop then
      local taken = self.buffer:sub(1, stop)
      self.buffer = self.buffer:sub(stop + 1)
      return taken
    end

    local ok, err = self:fill()
    if not ok then
      return nil, err
    end
  end
end


function Client:take(count)
  while #self.buffer < count do
    local ok, err = self:fill()
    if not ok then
      return nil, err
    end
  end

  local taken = self.buffer:sub(1, count)
  self.buffer = self.buffer:sub(count + 1)
  return taken
end


function Client:take_chunks()
  local chunks = {}
  while true do
    local line, err = self:take_to("\r\n")
    local size = line and tonumber(line:match("^%x+"), 16)
    if not size then
      return nil, err or "a chunk without a size"
    end

    local chunk
    chunk, err = self:take(size + 2)
    if not chunk then
      return nil, err
    end

    if size == 0 then
      return table.concat(chunks)
    end
    chunks[#chunks + 1] = chunk:sub(1, size)
  end
end


function Client:take_response()
  local head, err = self:take_to("\r\n\r\n")
  if not head then
    return nil, err
  end

  local status = tonumber(head:match("^HTTP/1%.%d (%d%d%d)"))
  if not status then
    return nil, "not an HTTP response"
  end

  local fields = {}
  for name, value in head:gmatch("\r\n([^:\r\n]+):[ \t]*([^\r\n]*)") do
    fields[name:lower()] = value
  end

  local body
  if fields["transfer-encoding"] == "chunked" then
    body, err = self:take_chunks()
  else
    body, err = self:take(tonumber(fields["content-length"]) or 0)
  end

  if not body then
    return nil, err
  end

  if fields.connection == "close" then
    self:close()
  end

  return { status = status, headers = fields, body = body }
end


local function render(method, target, headers, body)
  local lines = { method .. " " .. target .. " HTTP/1.1" }
  for name, value in pairs(headers) do
    lines[#lines + 1] = name .. ": " .. value
  end

  if body then
    lines[#lines + 1] = "Content-Length: " .. #body
  end

  return table.concat(lines, "\r\n") .. "\r\n\r\n" .. (body or "")
end


function Client:exchange(data)
  if not self.sock then
    local ok, err = self:connect()
    if not ok then
      return nil, err
    end
  end

  local ok, err = self:send(data)
  if not ok then
    return nil, err
  end

  return self:take_response()
end


-- Sends a request. options: headers, body. Returns { status, headers, body }, or nil and an error.
function Client:request(method, target, options)
  local headers = { Host = "shop.example" }
  for _, more in ipairs({ self.headers, options and options.headers or {} }) do
    for name, value in pairs(more) do
      headers[name] = value
    end
  end

  local reused = self.sock ~= nil
  local data = render(method, target, headers, options and options.body)
  local response, err = self:exchange(data)
  if not response and reused and err == "closed" and self.buffer == "" then
    -- The gateway closed an idle connection: that request was never read.
    self:close()
    response, err = self:exchange(data)
  end

  if not response then
    self:close()
  end

  return response, err
end


return Client
