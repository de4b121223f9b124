-- One question to an Admin API, and what counts as its answer.

local cjson = require "cjson.safe"
local identity = require "kong.plugins.threat-agent.admin.identity"
local lease = require "kong.plugins.threat-agent.lease"
local reach = require "kong.plugins.threat-agent.admin.reach"


local ngx = ngx
local tostring = tostring
local type = type


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


-- Whether a 404 says that an entity is not there, in the words of an Admin API: an ingress or a proxy in front of it has
-- a 404 of its own, by which nothing is gone.
local function is_not_there(settings, body)
  return type(body) == "table" and (settings.control_plane_id ~= nil or body.message == "Not found")
end


-- What a request came to: the status and the decoded body; or nil, an error, and whether another try may succeed.
local function outcome_of(settings, response, method)
  local status, body = response.status, cjson.decode(response.body or "")
  local is_good = status >= 200 and status < 300
  local is_empty = status == 204 and method ~= "GET"
  if status == 404 and is_not_there(settings, body) or is_empty or is_good and type(body) == "table" then
    return status, body
  elseif is_good or status == 404 then
    return nil, "what answered " .. status .. " at " .. settings.url .. " is no Admin API", true
  end

  -- 504: whoever is in between waited no longer.
  local is_under_way = status == 504 and method ~= "GET"
  return nil, message_of(status, body), is_under_way and reach.UNANSWERED or may_pass(status)
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


-- Notes what is asked. Returns it; its status is set when it is answered.
local function note(calls, method, path)
  local call = { method = method, path = path }
  if calls then
    calls[#calls + 1] = call
  end

  return call
end


-- Sends a request. settings: { url, token, timeout_ms, ssl_verify } and, where the Admin API asks for one,
-- { client_certificate, client_key }; what is asked is added to { calls }, where that is given; body: a table, sent as JSON.
-- Returns the status and the decoded body; or nil, an error, and whether another try may succeed, which reach.lua's
-- UNANSWERED says as well.
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

  local call = note(settings.calls, method, path)
  local payload = body and cjson.encode(body)
  local response, err, passes = reach.request(settings.url, path, {
    method = method,
    body = payload,
    headers = headers_of(settings, payload),
    ssl_verify = settings.ssl_verify,
    ssl_client_cert = certificate,
    ssl_client_priv_key = key,
  }, settings.timeout_ms)
  if not response then
    return nil, "could not reach the Admin API at " .. settings.url .. ": " .. err, passes
  end

  call.status = response.status
  return outcome_of(settings, response, method)
end


return _M
