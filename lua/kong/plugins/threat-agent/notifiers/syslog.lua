-- Syslog over UDP or TCP: the event as JSON behind a header of RFC 5424.
-- Source: RFC 5424 (the message), RFC 6587 section 3.4.1 (octet counting over TCP)

local cjson = require "cjson.safe"
local given = require "kong.plugins.threat-agent.given"
local summary = require "kong.plugins.threat-agent.notifiers.summary"


local ngx = ngx


local FACILITY_AUTHPRIV = 10
local DEFAULT_PORT = 514
-- What UDP carries over most networks without being dropped.
local MAX_DATAGRAM = 8192

-- Syslog's numbers of severities.
local LEVELS = { low = 5, medium = 4, high = 3, critical = 2 }
local LEVEL_NOTICE = 5


local _M = {}


-- A name in a header: printable ASCII without spaces, of a bounded length.
local function word(text, most)
  local kept = text:gsub("[^\33-\126]", ""):sub(1, most)
  return kept ~= "" and kept or "-"
end


local function header(event)
  local level = event.status == "resolved" and LEVEL_NOTICE or LEVELS[event.severity] or LEVEL_NOTICE
  return ("<%d>1 %s %s threat-agent %d %s - "):format(
    FACILITY_AUTHPRIV * 8 + level, summary.timestamp(event.at_s), word(event.node, 255), ngx.worker.pid(),
    word(event.event, 32))
end


-- The event as JSON that fits; the evidence goes before the rest.
local function text_of(event, most)
  local text = cjson.encode(event)
  if #text <= most then
    return text
  end

  return cjson.encode({
    schema_version = event.schema_version, id = event.id, event = event.event, status = event.status,
    severity = event.severity, mode = event.mode, summary = summary.cut(event.summary, 512), truncated = true,
  })
end


local function send_udp(channel, message)
  local sock = ngx.socket.udp()
  sock:settimeout(channel.timeout_ms)
  local ok, err = sock:setpeername(channel.host, given(channel.port) or DEFAULT_PORT)
  if ok then
    ok, err = sock:send(message)
  end
  sock:close()
  return ok, err
end


local function send_tcp(channel, message)
  local sock = ngx.socket.tcp()
  sock:settimeout(channel.timeout_ms)
  local ok, err = sock:connect(channel.host, given(channel.port) or DEFAULT_PORT)
  if ok then
    ok, err = sock:send(#message .. " " .. message)
  end
  sock:close()
  return ok, err
end


function _M.notify(channel, event)
  local head = header(event)
  local message = head .. text_of(event, MAX_DATAGRAM - #head)
  local send = channel.transport == "tcp" and send_tcp or send_udp
  local ok, err = send(channel, message)
  if not ok then
    return nil, "could not reach the syslog server: " .. tostring(err), true
  end

  return true
end


return _M
