-- One request's inspection: whether its client is banned, in `rewrite`; in `access` one call to the engine,
-- or two where a long body follows, and more where one look does not reach all of it; and what came of it,
-- in `log`.

local guard = require "kong.plugins.threat-agent.guard"
local native = require "kong.plugins.threat-agent.native"
local outcome = require "kong.plugins.threat-agent.outcome"
local request = require "kong.plugins.threat-agent.request"


local kong = kong
local ngx = ngx

local STAGE = native.STAGE
local CLEAN = native.CLEAN

-- What every request calls, without a look-up: all of `run` is to fit into what LuaJIT compiles at once.
local call, engine_of = guard.call, guard.engine
local inspect, observe = native.inspect, native.observe
local expects_body, read_head = request.expects_body, request.read_head


local _M = {}


-- Returns the verdict on a client that is banned everywhere; nil in monitor mode and when the engine failed.
function _M.early(conf)
  local engine = conf.mode == "enforce" and engine_of(conf)
  if not engine or not call(native.bans_stand) then
    return nil
  end

  return call(native.check_ban, engine, request.identity())
end


-- Looks on for as long as the engine sees something left; other requests have their turn in between. Returns
-- the verdict: where the engine fails, that on what was seen before, with `failed`. Yields.
local function look_on(conf, engine, verdict)
  if not verdict or not verdict.unfinished then
    return verdict
  end

  local body = request.body()
  while verdict.unfinished and not verdict.refuses do
    -- What is known should the client go meanwhile.
    kong.ctx.plugin.verdict = verdict
    ngx.sleep(0)
    local found = call(native.inspect_rest, engine, request.read_rest(conf, body), verdict)
    if not found then
      verdict.failed = true
      break
    end
    verdict = found
  end

  return verdict
end


-- Returns the verdict, or nil when the engine failed. May yield.
-- Nothing is called last here: LuaJIT compiles no function across its own tail calls.
function _M.run(conf)
  local engine = engine_of(conf)
  if not engine then
    return nil
  end

  local head, verdict
  local has_body, is_long = expects_body(conf)
  if not has_body then
    verdict = call(inspect, engine, read_head(STAGE.whole))
  else
    if is_long then
      -- A body is not waited for, or written to disk, for a client who is refused anyway.
      head = call(inspect, engine, read_head(STAGE.head))
      if not head or (head.refuses and conf.mode == "enforce") then
        return head
      end
      -- What is known should the client go meanwhile.
      kong.ctx.plugin.head = head
    end

    verdict = call(inspect, engine, request.read_whole(conf, is_long), head)
  end

  if verdict ~= CLEAN then
    verdict = look_on(conf, engine, verdict)
  end
  return verdict
end


-- Looks in `log` at what is left of a request whose client went between two looks: no more than its head. Returns the
-- verdict as look_on() does.
local function look_at_rest(engine, verdict)
  while verdict.unfinished and not verdict.refuses and not verdict.failed do
    local found = call(native.inspect_rest, engine, request.read_gone(), verdict)
    verdict.failed = not found or nil
    verdict = found or verdict
  end

  return verdict
end


-- Judges in `log` what never reached `access`, or went before its body was there, and tells the engine how the request
-- ended. verdict: that of `access`; nil where there was none. Returns the verdict.
function _M.finish(conf, verdict)
  local engine = engine_of(conf)
  if not engine then
    return verdict
  end

  if verdict == nil then
    local head = kong.ctx.plugin.head
    verdict = call(inspect, engine, request.read_late(head ~= nil), head)
  end
  if verdict and verdict ~= CLEAN then
    verdict = look_at_rest(engine, verdict)
  end

  if verdict and not verdict.enforced then
    local seen = call(observe, engine, request.identity(), outcome.read(verdict))
    if verdict.attempt ~= 0 then
      verdict.seen = seen
    end
  end

  return verdict
end


return _M
