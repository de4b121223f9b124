-- How a request ended, as the engine is told.
--
-- What is gathered lies in one table that the next request reuses.

local native = require "kong.plugins.threat-agent.native"


local kong = kong
local ngx = ngx
local floor = math.floor
local max = math.max
local tonumber = tonumber


local METHODS = native.METHODS
local SOURCES = { service = 0, exit = 1, error = 2 }


local _M = {}


local gathered = {}


-- Gathers the outcome in `log`.
function _M.read(verdict)
  local var = ngx.var
  gathered.status = ngx.status
  gathered.source = SOURCES[kong.response.get_source()] or 2
  gathered.latency_ms = max(0, floor((ngx.now() - ngx.req.start_time()) * 1000))
  gathered.request_bytes = tonumber(var.content_length) or 0
  gathered.response_bytes = tonumber(var.body_bytes_sent) or 0
  gathered.attempt = verdict.attempt
  gathered.account = verdict.account
  gathered.session = verdict.session
  gathered.flight = verdict.flight
  gathered.method = METHODS[ngx.req.get_method()] or 0

  return gathered
end


return _M
