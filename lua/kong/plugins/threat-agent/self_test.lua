-- The proof that the engine refuses: each worker attacks its own at the start, and sends an ordinary
-- request after it. Nobody is counted for it.

local native = require "kong.plugins.threat-agent.native"


local kong = kong
local ngx = ngx


local PREFIX = "threat-agent:self_test:"
local PASSED = "passed"

local CONFIG = { mode = "enforce" }

local ATTACK = "q=1%27+UNION+SELECT+password+FROM+users--"
local ORDINARY = "q=blue+shoes"


local _M = {}


local function request(query)
  return {
    client_ip = "192.0.2.1",
    workspace = "",
    route = "",
    service = "",
    consumer = "",
    method = "GET",
    scheme = "http",
    host = "self-test.invalid",
    target = "/threat-agent/self-test?" .. query,
    body = "",
  }
end


local function judge()
  local attack, err = native.probe(CONFIG, request(ATTACK))
  if not attack then
    return err
  elseif not attack.refuses then
    return "an SQL injection was not refused"
  end

  local ordinary
  ordinary, err = native.probe(CONFIG, request(ORDINARY))
  if not ordinary then
    return err
  elseif ordinary.refuses then
    return "an ordinary request was refused"
  end

  return PASSED
end


-- Tests this worker's engine and keeps the result for all workers to read.
function _M.run()
  local result = judge()
  if result ~= PASSED then
    kong.log.err("self-test failed: ", result)
  end

  ngx.shared.kong:set(PREFIX .. ngx.worker.id(), result)
end


-- Sums up the node's workers: { passed, workers, error }. `passed` is true when each has passed.
function _M.result()
  local workers, failed = 0, nil
  for id = 0, ngx.worker.count() - 1 do
    local result = ngx.shared.kong:get(PREFIX .. id)
    workers = workers + (result == PASSED and 1 or 0)
    failed = failed or (result ~= PASSED and (result or "a worker has not run it") or nil)
  end

  return { passed = failed == nil, workers = workers, error = failed }
end


return _M
