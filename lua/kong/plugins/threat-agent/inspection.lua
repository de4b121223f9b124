-- One request's inspection in `access`: one call to the engine, or two where a long body follows.

local guard = require "kong.plugins.threat-agent.guard"
local native = require "kong.plugins.threat-agent.native"
local outcome = require "kong.plugins.threat-agent.outcome"
local request = require "kong.plugins.threat-agent.request"


local STAGE = native.STAGE


local _M = {}


-- Returns the verdict, or nil when the engine failed. May yield.
function _M.run(conf, engine)
  local has_body, is_long = request.expects_body(conf)
  if not has_body then
    return guard.call(native.inspect, engine, request.read_head(STAGE.whole))
  end

  if is_long then
    -- A body is not waited for, or written to disk, for a client who is refused anyway.
    local verdict = guard.call(native.inspect, engine, request.read_head(STAGE.head))
    if not verdict or (verdict.refuses and conf.mode == "enforce") then
      return verdict
    end
  end

  return guard.call(native.inspect, engine, request.read_whole(conf, is_long))
end


-- Judges in `log` what never reached `access`, and tells the engine how the request ended.
-- verdict: that of `access`; nil where there was none. Returns the verdict.
function _M.finish(engine, verdict)
  if verdict == nil then
    verdict = guard.call(native.inspect, engine, request.read_late())
  end

  if verdict and not verdict.enforced then
    local seen = guard.call(native.observe, engine, request.identity(), outcome.read(verdict))
    if verdict.attempt ~= 0 then
      verdict.seen = seen
    end
  end

  return verdict
end


return _M
