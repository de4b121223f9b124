-- One HTTP exchange with an Admin API.
--
-- lua-resty-http is what Kong itself brings along and uses.

local cjson = require "cjson.safe"
local http = require "resty.http"
local identity = require "kong.plugins.threat-agent.admin.identity"
local lease = require "kong.plugins.threat-agent.lease"


local ngx = ngx
local tostring = tostring


local _M = {}


-- Failures that the next try may not meet: the network, an overload, a restart.
local function may_pass(status)
  return status == 429 or status >= 500
end


local function message_of(status, body)
  -- Konnect has its details under other names.
  local message = type(body) == "table" and (body.message or body.detail or body.title)
  return "the Admin API answered " .. status .. (message and ": " .. tostring(message) or "")
end


local function headers_of(settings, payload)
  local headers = { ["Content-Type"] = payload and "application/json", Accept = "application/json" }
  local token = settings.token
  if token and token ~= ngx.null then
    -- Kong Enterprise's RBAC, and Konnect.
    headers["Kong-Admin-Token"] = not settings.control_plane_id and token or nil
    headers["Authorization"] = "Bearer " .. token
  end

  return headers
end


-- Sends a request. settings: { url, token, timeout_ms, ssl_verify } and, where the Admin API asks for one,
-- { client_certificate, client_key }; body: a table, sent as JSON.
-- Returns the status and the decoded body; or nil, an error, and whether another try may succeed.
-- 404 is no error: what was asked for is not there. Only the node's leader changes anything.
function _M.request(settings, method, path, body)
  if method ~= "GET" and not lease.holds() then
    return nil, "another worker leads this node by now", true
  end

  local certificate, key
  if settings.client_certificate then
    certificate, key = identity.of(settings.client_certificate, settings.client_key)
    if not certificate then
      return nil, "could not read admin_api's client certificate: " .. key, false
    end
  end

  local client = http.new()
  local timeout = settings.timeout_ms
  client:set_timeouts(timeout, timeout, timeout)

  local payload = body and cjson.encode(body)
  local response, err = client:request_uri(settings.url .. path, {
    method = method,
    body = payload,
    headers = headers_of(settings, payload),
    ssl_verify = settings.ssl_verify,
    ssl_client_cert = certificate,
    ssl_client_priv_key = key,
  })
  if not response then
    return nil, "could not reach the Admin API at " .. settings.url .. ": " .. tostring(err), true
  end

  local decoded = cjson.decode(response.body or "")
  if response.status >= 400 and response.status ~= 404 then
    return nil, message_of(response.status, decoded), may_pass(response.status)
  end

  return response.status, decoded
end


return _M
