-- Sends the incident's service to another upstream: a sinkhole, a honeypot, a maintenance page.

local effect = require "kong.plugins.threat-agent.effect"
local entities = require "kong.plugins.threat-agent.entities"


local _M = {}


local PORTS = { http = 80, https = 443 }

-- What Kong allows a service with TLS only.
local OF_TLS = { "ca_certificates", "client_certificate", "tls_verify", "tls_verify_depth" }


local function parse(url)
  local protocol, host, port, path = url:match("^(https?)://([^:/]+):?(%d*)(/?.*)$")
  return protocol and {
    protocol = protocol,
    host = host,
    port = tonumber(port) or PORTS[protocol],
    path = path ~= "" and path or ngx.null,
  }
end


-- The fields to set for a service to go to a target; without TLS those that need it go, and come back with what stood.
local function fields_for(target, service)
  for _, field in ipairs(target.protocol == "http" and OF_TLS or {}) do
    if service[field] ~= nil and service[field] ~= ngx.null then
      target[field] = ngx.null
    end
  end

  return target
end


-- The share of the requests that go well which a record would refuse now.
function _M.touches(record)
  return effect.good_ratio(record.place, "service")
end


function _M.plan(record, _, step, client)
  local id, target = record.place.service, parse(step.url or "")
  if id == "" or not target then
    return nil, id == "" and "the incident has no service" or "the step names no url of http or https"
  end

  local api, err, passes = client()
  local service
  if api then
    service, err, passes = api:get("services", id)
  end
  if not service then
    return nil, err or "the service is gone", passes or false
  elseif not PORTS[service.protocol] then
    return nil, "the service speaks " .. tostring(service.protocol)
  elseif entities.holds(service, target) then
    return nil, "the service goes there already"
  end

  target = fields_for(target, service)
  record.target = "service"
  record.touches_ratio = _M.touches(record)
  record.changes = {
    { op = "patch", kind = "services", id = id, tags = service.tags, set = target,
      before = entities.before(service, target) },
  }
  return true
end


return _M
