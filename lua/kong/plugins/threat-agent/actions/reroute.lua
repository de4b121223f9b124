-- Sends the incident's service to another upstream: a sinkhole, a honeypot, a maintenance page.

local effect = require "kong.plugins.threat-agent.effect"


local _M = {}


local FIELDS = { "protocol", "host", "port", "path" }

local PORTS = { http = 80, https = 443 }


local function parse(url)
  local protocol, host, port, path = url:match("^(https?)://([^:/]+):?(%d*)(/?.*)$")
  return protocol and {
    protocol = protocol,
    host = host,
    port = tonumber(port) or PORTS[protocol],
    path = path ~= "" and path or ngx.null,
  }
end


function _M.plan(record, _, step, client)
  local id = record.place.service
  if id == "" or not step.url then
    return nil, id == "" and "the incident has no service" or "the step names no url"
  end

  local api, err, passes = client()
  local service
  if api then
    service, err, passes = api:get("services", id)
  end
  if not service then
    return nil, err or "the service is gone", passes or false
  end

  local before = {}
  for _, field in ipairs(FIELDS) do
    before[field] = service[field] == nil and ngx.null or service[field]
  end

  record.target = "service"
  record.touches_ratio = effect.good_ratio(record.place, record.target)
  record.changes = {
    { op = "patch", kind = "services", id = id, tags = service.tags, set = parse(step.url), before = before },
  }
  return true
end


return _M
