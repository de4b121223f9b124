-- One request's inspection: whether its client is banned, in `rewrite`; in `access` one call to the engine,
-- or two where a long body follows; and what came of it, in `log`.

local guard = require "kong.plugins.threat-agent.guard"
local native = require "kong.plugins.threat-agent.native"
local outcome = require "kong.plugins.threat-agent.outcome"
local request = require "kong.plugins.threat-agent.request"


local STAGE = native.STAGE


local _M = {}


-- Returns the verdict on a client that is banned everywhere; nil in monitor mode and when the engine failed.
function _M.early(conf)
  local engine = conf.mode == "enforce" and guard.engine(conf)
  return engine and guard.call(native.check_ban, engine, request.identity()) or nil
end


-- Returns the verdict, or nil when the engine failed. May yield.
function _M.run(conf)
  local engine = guard.engine(conf)
  if not engine then
    return nil
  end

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
function _M.finish(conf, verdict)
  local engine = guard.engine(conf)
  if not engine then
    return verdict
  end

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
