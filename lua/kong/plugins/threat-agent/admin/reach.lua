-- One HTTP exchange with whoever changes entities, in bounded time: it ends by a deadline however slowly an answer
-- comes, and right after one that failed nobody is asked again, so that what waits in a row waits once.
--
-- lua-resty-http is what Kong itself brings along and uses.

local elapsed = require "kong.plugins.threat-agent.elapsed"
local http = require "resty.http"


local ngx = ngx
local tostring = tostring


-- To connect, to send, to receive: each may take so many times what one step may.
local STEPS = 3
-- Who could not be reached is left alone for so long. Units: seconds.
local AWAY_S = 1


local _M = {
  -- In the place of whether another try may succeed: it may, and this one may yet be done.
  UNANSWERED = "unanswered",

  -- A write that got no answer in time lands so long after it at the latest: Kong's lock on /config lasts no longer.
  -- Units: seconds.
  LANDS_S = 60,
}


local failures = {}      -- origin → { when, why } of the last exchange, where that failed


local function exchange(url, params, timeout_ms)
  local client = http.new()
  client:set_timeouts(timeout_ms, timeout_ms, timeout_ms)
  local response, err = client:request_uri(url, params)
  return response, err or "the answer was cut short"
end


local function within(timeout_ms, ...)
  local limit_s = STEPS * timeout_ms / 1000
  local asks = ngx.thread.spawn(exchange, ...)
  local waits = ngx.thread.spawn(function()
    ngx.sleep(limit_s)
    return nil, "timeout: no whole answer within " .. limit_s .. " s"
  end)

  local ok, response, err = ngx.thread.wait(asks, waits)
  ngx.thread.kill(asks)
  ngx.thread.kill(waits)
  if not ok then
    return nil, response
  end

  return response, err
end


-- Whether a request may be at work still: who does not answer in time may have it, who closes has not.
local function is_under_way(method, err)
  return method ~= "GET" and err:find("timeout", 1, true) ~= nil
end


-- Sends a request to an origin. params: as lua-resty-http takes them. Returns the response; or nil, an error, and
-- whether another try may succeed: true, or UNANSWERED.
function _M.request(origin, path, params, timeout_ms)
  local failure = failures[origin]
  if failure and not elapsed(failure.at, AWAY_S, ngx.now()) then
    return nil, failure.why, true
  end

  local response, err = within(timeout_ms, origin .. path, params, timeout_ms)
  if response then
    failures[origin] = nil
    return response
  end

  err = tostring(err)
  failures[origin] = { at = ngx.now(), why = err }
  return nil, err, is_under_way(params.method, err) and _M.UNANSWERED or true
end


return _M
