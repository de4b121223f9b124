-- One POST of JSON, as most receivers want it.
--
-- Errors never hold the URL: in some the path is the secret.

local http = require "resty.http"


local tostring = tostring


local _M = {}


-- Failures that the next try may not meet: the network, an overload, a restart.
local function may_pass(status)
  return status == 408 or status == 425 or status == 429 or status >= 500
end


-- Sends a body. channel: { timeout_ms, ssl_verify }. Returns the answer; or nil, an error, and
-- whether another try may succeed.
function _M.post(channel, url, body, headers)
  local client = http.new()
  local timeout = channel.timeout_ms
  client:set_timeouts(timeout, timeout, timeout)

  headers = headers or {}
  headers["Content-Type"] = headers["Content-Type"] or "application/json"
  local response, err = client:request_uri(url, {
    method = "POST",
    body = body,
    headers = headers,
    ssl_verify = channel.ssl_verify,
  })
  if not response then
    err = tostring(err)
    return nil, "could not reach the receiver: " .. (err:find(url, 1, true) and "its URL is none" or err), true
  end

  if response.status < 200 or response.status > 299 then
    return nil, "the receiver answered " .. response.status, may_pass(response.status)
  end

  return response
end


return _M
