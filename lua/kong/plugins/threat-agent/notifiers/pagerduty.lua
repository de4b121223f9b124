-- PagerDuty's Events API v2, and what understands it.
-- Source: https://developer.pagerduty.com/docs/send-alert-event

local cjson = require "cjson.safe"
local http = require "kong.plugins.threat-agent.notifiers.http"
local summary = require "kong.plugins.threat-agent.notifiers.summary"


local ngx = ngx


local ENQUEUE = "https://events.pagerduty.com/v2/enqueue"
local MAX_SUMMARY = 1024

local SEVERITIES = { low = "info", medium = "warning", high = "error", critical = "critical" }


local _M = {}


local function links_of(event)
  local list = {}
  for _, link in ipairs(summary.links(event)) do
    list[#list + 1] = { href = link.url, text = link.text }
  end

  return list[1] and list or nil
end


-- The alert that an event belongs to: one for each incident, one for a node's digests, and one for whatever
-- else there is.
local function dedup_key(event)
  if event.incident then
    return event.incident.id
  end

  return event.event == "digest" and "threat-agent-digest-" .. event.node or "threat-agent-" .. event.id
end


local function payload_of(channel, event)
  local details = {}
  for _, fact in ipairs(summary.facts(event)) do
    details[fact.name] = fact.value
  end

  return {
    summary = summary.cut(summary.title(event, channel.template), MAX_SUMMARY),
    source = summary.scope(event) or event.node,
    severity = SEVERITIES[event.severity] or "info",
    timestamp = summary.timestamp(event.at_s),
    component = "threat-agent",
    group = event.incident and (event.incident.service_name or event.incident.service) or nil,
    class = event.incident and event.incident.category or event.event,
    custom_details = details,
  }
end


local function send(channel, event, is_over)
  local url = channel.url
  local response, err, passes = http.post(channel, url and url ~= ngx.null and url or ENQUEUE, cjson.encode({
    routing_key = channel.routing_key,
    event_action = is_over and "resolve" or "trigger",
    dedup_key = dedup_key(event),
    client = "threat-agent",
    client_url = event.links and event.links.dashboard,
    links = not is_over and links_of(event) or nil,
    payload = not is_over and payload_of(channel, event) or nil,
  }))
  return response and true, err, passes
end


-- A test, and what asks for nothing, opens an alert and ends it.
function _M.notify(channel, event)
  if event.event ~= "test" and event.event ~= "drift" then
    return send(channel, event, event.status == "resolved")
  end

  local ok, err, passes = send(channel, event, false)
  if not ok then
    return nil, err, passes
  end

  return send(channel, event, true)
end


return _M
