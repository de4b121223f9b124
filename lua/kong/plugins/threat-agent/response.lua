-- From verdict to client and upstream.

local native = require "kong.plugins.threat-agent.native"


local kong = kong
local pairs = pairs
local format = string.format
local lower = string.lower
local sub = string.sub


local VERDICT_HEADER = "X-Threat-Agent-Verdict"
local INCIDENT_HEADER = "X-Threat-Agent-Incident"
local OWN_PREFIX = "x-threat-agent-"

local CLEAN = native.CLEAN

-- Rules of what is refused for the upstream's sake, and not for the client's.
local FOR_UPSTREAM = { breaker = true, concurrency = true }


local _M = {}


-- Refuses a request, or tags it for the upstream, as the verdict says. Does not return when it
-- refuses. Not to be called in monitor mode.
function _M.enforce(verdict)
  local action = verdict.action
  verdict.enforced = verdict.refuses
  if action == "block" then
    return kong.response.exit(403, {
      message = "Request blocked",
      incident = verdict.incident,
    }, {
      [INCIDENT_HEADER] = verdict.incident,
    })
  end

  if action == "throttle" and FOR_UPSTREAM[verdict.rules[1]] then
    return kong.response.exit(503, {
      message = "Service temporarily unavailable",
      incident = verdict.incident,
    }, {
      [INCIDENT_HEADER] = verdict.incident,
      ["Retry-After"] = verdict.retry_after_s,
    })
  end

  if action == "throttle" then
    return kong.response.exit(429, {
      message = "Too many requests",
      incident = verdict.incident,
    }, {
      [INCIDENT_HEADER] = verdict.incident,
      ["Retry-After"] = verdict.retry_after_s,
    })
  end

  if action == "tag" then
    kong.service.request.set_header(VERDICT_HEADER,
      format("tag; category=%s; score=%.2f", verdict.category, verdict.score))
    kong.service.request.set_header(INCIDENT_HEADER, verdict.incident)
  end
end


-- Removes what only this plugin may say from a client's headers.
local function strip_spoofed()
  for name in pairs(ngx.req.get_headers(0, true)) do
    -- Upstreams of CGI's kind read "_" and "-" alike.
    if sub(lower(name):gsub("_", "-"), 1, #OWN_PREFIX) == OWN_PREFIX then
      kong.service.request.clear_header(name)
    end
  end
end


-- Answers to a verdict in `access`; false where the engine failed, and with `failed` where it did so before it had seen
-- all. Does not return when it refuses. In monitor mode nothing is refused, whatever `failure_mode` says; nor is it in a
-- bypass, whose point is that traffic flows.
function _M.apply(conf, verdict)
  if verdict == CLEAN then
    return
  end

  local failed = not verdict or verdict.failed
  if failed or verdict.spoofed_headers then
    strip_spoofed()
  end
  if failed and conf.mode == "enforce" and conf.failure_mode == "closed" then
    return kong.response.exit(503, { message = "Request could not be inspected" })
  elseif not verdict then
    return
  end

  if conf.mode == "enforce" then
    return _M.enforce(verdict)
  end
end


return _M
