-- Email: plain text, one thread for each incident.
-- Source: RFC 5322 (headers), RFC 2047 (encoded words)

local given = require "kong.plugins.threat-agent.given"
local smtp = require "kong.plugins.threat-agent.notifiers.smtp"
local summary = require "kong.plugins.threat-agent.notifiers.summary"


local ngx = ngx
local concat = table.concat


local MAX_SUBJECT = 200
-- Bytes in one encoded word, so that it stays below 75 characters.
local WORD_BYTES = 42
local BASE64_LINE = 76


local _M = {}


-- A header's text in encoded words: no line of an attacker's becomes a header.
local function encoded(text)
  local words = {}
  local from = 1
  while from <= #text do
    local last = math.min(from + WORD_BYTES - 1, #text)
    while last < #text and text:byte(last + 1) >= 0x80 and text:byte(last + 1) < 0xC0 do
      last = last - 1
    end
    words[#words + 1] = "=?UTF-8?B?" .. ngx.encode_base64(text:sub(from, last)) .. "?="
    from = last + 1
  end

  return concat(words, "\r\n ")
end


local function wrapped(base64)
  local lines = {}
  for from = 1, #base64, BASE64_LINE do
    lines[#lines + 1] = base64:sub(from, from + BASE64_LINE - 1)
  end

  return concat(lines, "\r\n")
end


local function domain_of(address)
  return address:match("@(.+)$") or "localhost"
end


-- The message that opens an incident is the one that the others refer to.
local function thread_of(event, domain)
  return "<" .. (event.incident and event.incident.id or event.event) .. ".threat-agent@" .. domain .. ">"
end


local function message(channel, event)
  local domain = domain_of(channel.from)
  local thread = thread_of(event, domain)
  local is_first = event.event == "opened"
  local headers = {
    "Date: " .. os.date("!%a, %d %b %Y %H:%M:%S +0000", event.at_s),
    "From: threat-agent <" .. channel.from .. ">",
    "To: " .. concat(channel.to, ",\r\n "),
    "Subject: " .. encoded(summary.cut(summary.title(event, channel.template), MAX_SUBJECT)),
    "Message-ID: " .. (is_first and thread or "<" .. event.id .. ".threat-agent@" .. domain .. ">"),
    "Auto-Submitted: auto-generated",
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=utf-8",
    "Content-Transfer-Encoding: base64",
  }
  if not is_first then
    headers[#headers + 1] = "References: " .. thread
  end

  return concat(headers, "\r\n") .. "\r\n\r\n" .. wrapped(ngx.encode_base64(summary.plain(event, channel.template)))
end


function _M.notify(channel, event)
  local server = {
    host = channel.host,
    port = given(channel.port),
    tls = channel.tls,
    ssl_verify = channel.ssl_verify,
    username = given(channel.username),
    password = given(channel.password),
    timeout_ms = channel.timeout_ms,
  }
  return smtp.send(server, domain_of(channel.from), channel.from, channel.to, message(channel, event))
end


return _M
