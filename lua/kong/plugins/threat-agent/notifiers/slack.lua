-- Slack: an incoming webhook, or, with a bot token, one message for each incident with its updates
-- in the thread.
-- Source: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks,
-- https://docs.slack.dev/reference/methods/chat.postMessage

local cjson = require "cjson.safe"
local given = require "kong.plugins.threat-agent.given"
local http = require "kong.plugins.threat-agent.notifiers.http"
local summary = require "kong.plugins.threat-agent.notifiers.summary"




local API = "https://slack.com/api/chat.postMessage"
-- Slack's bounds of texts.
local MAX_HEADER, MAX_TEXT, MAX_FIELD, MAX_FIELDS = 150, 2900, 1900, 10

-- Errors of chat.postMessage that the next try may not meet.
local PASSING = {
  ratelimited = true, rate_limited = true, fatal_error = true, internal_error = true, service_unavailable = true,
  request_timeout = true,
}

local ESCAPES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;" }


local _M = {}


-- Attackers choose some of what stands here: no mention, no link of theirs.
local function escape(text)
  return (tostring(text):gsub("[&<>]", ESCAPES))
end


local function fields_of(event)
  local fields = {}
  for _, fact in ipairs(summary.facts(event)) do
    if not fact.long and #fields < MAX_FIELDS then
      fields[#fields + 1] = {
        type = "mrkdwn",
        verbatim = true,
        text = summary.cut("*" .. escape(fact.name) .. "*\n" .. escape(fact.value), MAX_FIELD),
      }
    end
  end

  return fields
end


local function section(text)
  return { type = "section", text = { type = "mrkdwn", verbatim = true, text = summary.cut(text, MAX_TEXT) } }
end


local function blocks_of(title, event)
  local blocks = { { type = "header", text = { type = "plain_text", text = summary.cut(title, MAX_HEADER) } } }
  local fields = fields_of(event)
  if fields[1] then
    blocks[#blocks + 1] = { type = "section", fields = fields }
  end

  for _, fact in ipairs(summary.facts(event)) do
    if fact.long then
      blocks[#blocks + 1] = section("*" .. escape(fact.name) .. "*\n" .. escape(fact.value))
    end
  end

  local links = {}
  for _, link in ipairs(summary.links(event)) do
    links[#links + 1] = "<" .. link.url .. "|" .. escape(link.text) .. ">"
  end
  if links[1] then
    blocks[#blocks + 1] = section(table.concat(links, "   "))
  end

  blocks[#blocks + 1] = {
    type = "context",
    elements = { { type = "mrkdwn", verbatim = true, text = escape(summary.footer(event)) } },
  }
  return blocks
end


-- Sends by the bot. Slack tells errors in the body of a 200.
local function post_as_bot(channel, message, memory)
  message.channel = channel.channel
  message.thread_ts = memory.thread_ts
  local response, err, passes = http.post(channel, given(channel.url) or API, cjson.encode(message), {
    ["Authorization"] = "Bearer " .. channel.token,
    ["Content-Type"] = "application/json; charset=utf-8",
  })
  if not response then
    return nil, err, passes
  end

  local answer = cjson.decode(response.body or "")
  if type(answer) ~= "table" or answer.ok ~= true then
    local code = type(answer) == "table" and tostring(answer.error) or "no JSON"
    return nil, "Slack answered " .. code, PASSING[code] == true
  end

  memory.thread_ts = memory.thread_ts or answer.ts
  return true
end


function _M.notify(channel, event, memory)
  local title = summary.title(event, channel.template)
  local message = { text = escape(title), blocks = blocks_of(title, event) }
  if given(channel.token) then
    return post_as_bot(channel, message, memory)
  end

  local response, err, passes = http.post(channel, channel.url, cjson.encode(message))
  return response and true, err, passes
end


return _M
