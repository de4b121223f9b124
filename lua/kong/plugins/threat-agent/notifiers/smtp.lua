-- One message over SMTP, on cosockets: STARTTLS or TLS, AUTH PLAIN or LOGIN.
-- Source: RFC 5321, RFC 3207 (STARTTLS), RFC 4954 (AUTH), RFC 4616 (PLAIN)

local ngx = ngx
local tonumber = tonumber
local tostring = tostring


local PORTS = { none = 25, starttls = 587, tls = 465 }
local MAX_REPLY_LINES = 64


local Session = {}
Session.__index = Session


-- Reads a reply. Returns its code and its lines, or nil and an error.
local function read_reply(sock)
  local lines = {}
  for _ = 1, MAX_REPLY_LINES do
    local line, err = sock:receive("*l")
    if not line then
      return nil, err
    end

    local code, more, text = line:match("^(%d%d%d)([ %-]?)(.*)$")
    if not code then
      return nil, "not an SMTP server"
    end
    lines[#lines + 1] = text
    if more ~= "-" then
      return tonumber(code), lines
    end
  end

  return nil, "the reply does not end"
end


-- Expects a reply of a class (2 or 3). Returns its lines; or nil, an error, whether it may pass.
function Session:expect(class, what)
  local code, lines = read_reply(self.sock)
  if not code then
    return nil, what .. ": " .. tostring(lines), true
  elseif math.floor(code / 100) ~= class then
    -- The server's words may repeat an address, and never more than that.
    return nil, what .. ": the mail server answered " .. code, code < 500
  end

  return lines
end


function Session:command(line, class, what)
  local ok, err = self.sock:send(line .. "\r\n")
  if not ok then
    return nil, what .. ": " .. tostring(err), true
  end

  return self:expect(class, what)
end


function Session:hello()
  local lines, err, passes = self:command("EHLO " .. self.name, 2, "EHLO")
  if not lines then
    return nil, err, passes
  end

  self.can = {}
  for _, line in ipairs(lines) do
    local word, rest = line:upper():match("^(%S+)%s*(.*)$")
    if word then
      self.can[word] = rest
    end
  end
  return true
end


function Session:secure()
  local ok, err = self.sock:sslhandshake(false, self.server.host, self.server.ssl_verify)
  if not ok then
    return nil, "TLS: " .. tostring(err), true
  end

  return true
end


-- Whether the server said more than it was asked: what was said in clear must not be read as if it
-- had come through TLS. Source: CVE-2011-0411
function Session:has_said_more()
  self.sock:settimeout(1)
  local more = self.sock:receiveany(1)
  self.sock:settimeout(self.server.timeout_ms)
  return more ~= nil
end


-- Turns the connection into TLS. It is refused to go on without, whatever the server offers.
function Session:start_tls()
  if not self.can.STARTTLS then
    return nil, "the mail server offers no STARTTLS", false
  end

  local ok, err, passes = self:command("STARTTLS", 2, "STARTTLS")
  if ok and self:has_said_more() then
    return nil, "the mail server spoke before TLS", false
  end
  if ok then
    ok, err, passes = self:secure()
  end
  if not ok then
    return nil, err, passes
  end

  return self:hello()
end


function Session:authenticate()
  local username, password = self.server.username, self.server.password
  local offers = " " .. (self.can.AUTH or "") .. " "
  if offers:find(" PLAIN ", 1, true) then
    return self:command("AUTH PLAIN " .. ngx.encode_base64("\0" .. username .. "\0" .. password), 2, "AUTH")
  elseif not offers:find(" LOGIN ", 1, true) then
    return nil, "the mail server offers neither AUTH PLAIN nor LOGIN", false
  end

  local ok, err, passes = self:command("AUTH LOGIN", 3, "AUTH")
  if ok then
    ok, err, passes = self:command(ngx.encode_base64(username), 3, "AUTH")
  end
  if ok then
    ok, err, passes = self:command(ngx.encode_base64(password), 2, "AUTH")
  end
  return ok, err, passes
end


function Session:open()
  local ok, err, passes
  if self.server.tls == "tls" then
    ok, err, passes = self:secure()
    if not ok then
      return nil, err, passes
    end
  end

  ok, err, passes = self:expect(2, "greeting")
  if ok then
    ok, err, passes = self:hello()
  end
  if ok and self.server.tls == "starttls" then
    ok, err, passes = self:start_tls()
  end
  if ok and self.server.username then
    ok, err, passes = self:authenticate()
  end
  return ok, err, passes
end


-- Sends the envelope and the message. One recipient that is taken suffices.
function Session:deliver(from, to, text)
  local ok, err, passes = self:command("MAIL FROM:<" .. from .. ">", 2, "MAIL")
  if not ok then
    return nil, err, passes
  end

  local taken
  for _, address in ipairs(to) do
    ok, err, passes = self:command("RCPT TO:<" .. address .. ">", 2, "RCPT")
    taken = taken or ok
  end
  if not taken then
    return nil, err, passes
  end

  ok, err, passes = self:command("DATA", 3, "DATA")
  if not ok then
    return nil, err, passes
  end

  -- Lines end in CRLF, and a dot that begins one is doubled.
  local lines = text:gsub("\r?\n", "\r\n"):gsub("^%.", ".."):gsub("\n%.", "\n..")
  return self:command(lines .. "\r\n.", 2, "message")
end


local _M = {}


-- Sends a message. server: { host, port, tls, ssl_verify, username, password, timeout_ms }.
-- Returns true; or nil, an error, and whether another try may succeed.
function _M.send(server, name, from, to, text)
  local sock = ngx.socket.tcp()
  sock:settimeout(server.timeout_ms)
  local ok, err = sock:connect(server.host, server.port or PORTS[server.tls])
  if not ok then
    return nil, "could not reach the mail server: " .. tostring(err), true
  end

  local session = setmetatable({ sock = sock, server = server, name = name, can = {} }, Session)
  local passes
  ok, err, passes = session:open()
  if ok then
    ok, err, passes = session:deliver(from, to, text)
  end
  if ok then
    sock:send("QUIT\r\n")
  end
  sock:close()
  if not ok then
    return nil, "could not send mail: " .. err, passes
  end

  return true
end


return _M
