-- A POST of the event as JSON, signed where a secret is given.

local cjson = require "cjson.safe"
local http = require "kong.plugins.threat-agent.notifiers.http"
local signature = require "kong.plugins.threat-agent.notifiers.signature"


local ngx = ngx


local _M = {}


-- The same event has the same key, however often it is tried.
function _M.notify(channel, event)
  local body = cjson.encode(event)
  local headers = {
    ["Idempotency-Key"] = event.id,
    ["X-Threat-Agent-Event"] = event.event,
  }

  local secret = channel.secret
  if secret and secret ~= ngx.null then
    local signed, err = signature.sign(secret, body)
    if not signed then
      return nil, "could not sign: " .. err, false
    end
    headers[signature.HEADER] = signed
  end

  local response, err, passes = http.post(channel, channel.url, body, headers)
  return response and true, err, passes
end


return _M
