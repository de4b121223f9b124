-- How a request ended, as the engine is told.
--
-- What is gathered lies in one table that the next request reuses.

local native = require "kong.plugins.threat-agent.native"
local wire = require "kong.plugins.threat-agent.wire"


local kong = kong
local ngx = ngx
local floor = math.floor
local max = math.max


local METHODS = native.METHODS
local SOURCES = { service = 0, exit = 1, error = 2 }


local _M = {}


-- All fields from the start: what is compiled for a table holds until it grows.
local gathered = {
  status = 0,
  source = 0,
  latency_ms = 0,
  request_bytes = 0,
  response_bytes = 0,
  attempt = 0,
  account = 0,
  session = 0,
  flight = 0,
  method = 0,
}


-- Gathers the outcome in `log`.
function _M.read(verdict)
  gathered.status = ngx.status
  gathered.source = SOURCES[kong.response.get_source()] or 2
  gathered.latency_ms = max(0, floor((ngx.now() - ngx.req.start_time()) * 1000))
  gathered.request_bytes = wire.number("content_length") or 0
  gathered.response_bytes = wire.number("body_bytes_sent") or 0
  gathered.attempt = verdict.attempt
  gathered.account = verdict.account
  gathered.session = verdict.session
  gathered.flight = verdict.flight
  gathered.method = METHODS[ngx.req.get_method()] or 0

  return gathered
end


return _M
