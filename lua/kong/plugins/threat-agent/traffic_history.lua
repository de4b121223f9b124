-- The node's counters over the last minutes, so that whoever opens the dashboard sees what led to now.
-- The leading worker keeps it; every worker reads it.

local cjson = require "cjson.safe"
local elapsed = require "kong.plugins.threat-agent.elapsed"
local region = require "kong.plugins.threat-agent.region"


local ngx = ngx


local KEY = "threat-agent:traffic"
local STEP_S = 2
local MOST = 151


local _M = {}


local noted_s = 0


-- Lists the samples, oldest first: { at_s, requests, tagged, throttled, blocked }, each since the start.
function _M.list()
  local saved = ngx.shared.kong:get(KEY)
  return setmetatable(saved and cjson.decode(saved) or {}, cjson.array_mt)
end


-- Notes how the counters stand; by the leader, once a second. Returns true, or nil and an error.
function _M.note()
  local now = ngx.time()
  if not elapsed(noted_s, STEP_S, now) then
    return true
  end

  noted_s = now
  local node, err = region.node()
  if not node then
    return nil, err
  end

  local samples = _M.list()
  samples[#samples + 1] = { now, node.requests, node.tagged, node.throttled, node.blocked }
  while #samples > MOST do
    table.remove(samples, 1)
  end

  local ok
  ok, err = ngx.shared.kong:set(KEY, cjson.encode(samples))
  return ok, err and "could not keep the traffic's history: " .. err
end


return _M
