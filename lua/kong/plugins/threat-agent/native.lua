-- What requests ask of the native library. Every function returns a value, or nil and an error; nothing
-- raises.
--
-- Scratch cdata are module-local and are read before anything can yield.

local ffi = require "ffi"
local engines = require "kong.plugins.threat-agent.engines"
local library = require "kong.plugins.threat-agent.library"
local vocabulary = require "kong.plugins.threat-agent.vocabulary"
local wire = require "kong.plugins.threat-agent.wire"


local pairs = pairs
local pcall = pcall
local ipairs = ipairs
local ffi_string = ffi.string
local set_str = library.set_str
local read_head = wire.read_head
local read_target = wire.read_target
local read_client_ip = wire.read_client_ip
local fill_identity = library.fill_identity


local _M = {}


local ACTIONS = { [0] = "allow", "tag", "throttle", "block" }

-- By their numbers in the library.
local CATEGORIES = vocabulary.CATEGORIES

-- Which part of a request a call is about.
_M.STAGE = {
  whole = 0,
  head = 1,   -- the body is to come
  body = 2,   -- the head was seen before
  rest = 3,   -- all was seen before, and one look did not reach so far
  late = 4,   -- the whole, after its end: it is looked at once
}

local HEAD = _M.STAGE.head

-- Methods by their numbers in the library; others are 0.
_M.METHODS = { GET = 1, PUT = 2, POST = 3, DELETE = 4, OPTIONS = 5, HEAD = 6, PATCH = 7 }

_M.UNINSPECTED = {
  body_too_large = 1,
  body_on_disk = 2,
  body_streamed = 4,
  body_not_seen = 8,
  body_encoded = 16,
  body_unreadable = 32,
  over_budget = 64,
  sampled_out = 128,
  malformed = 256,
}


local identity, request, verdict, outcome, number_out, str
local new_verdict
local clock_before, clock_after


-- One inspection in so many is timed, by the monotonic clock: nginx's own stands still meanwhile.
local TIMED_OF = 16
local CLOCK_MONOTONIC = 1
local CLOCK_CDEF = [[
typedef struct { long s; long ns; } ta_clock_t;
int ta_clock_gettime(int id, ta_clock_t *out) __asm__("clock_gettime");
]]
-- Upper bounds of the buckets of inspection times. Units: microseconds.
local TIMINGS_US = { 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 50000 }
_M.TIMED_OF, _M.TIMINGS_US = TIMED_OF, TIMINGS_US

local inspections, timings = 0, { counts = {}, sum_s = 0 }


library.when_loaded(function()
  if not pcall(ffi.typeof, "ta_clock_t") then
    ffi.cdef(CLOCK_CDEF)
  end

  identity = ffi.new("ta_identity_t")
  request = ffi.new("ta_request_t")
  new_verdict = ffi.typeof("ta_verdict_t")
  verdict = new_verdict()
  outcome = ffi.new("ta_outcome_t")
  number_out = ffi.new("uint32_t[1]")
  str = ffi.new("ta_str_t")
  clock_before, clock_after = ffi.new("ta_clock_t"), ffi.new("ta_clock_t")
end)


local STATUS_CLEAN = library.CLEAN

-- Clean requests all share this verdict.
local CLEAN = {
  action = "allow", refuses = false, score = 0, account = 0, session = 0, flight = 0, attempt = 0,
}
_M.CLEAN = CLEAN

-- While the node is in bypass nothing is looked at, client-sent headers of the plugin's name included.
local BYPASSED = {
  action = "uninspected", refuses = false, score = 0, account = 0, session = 0, flight = 0, attempt = 0,
  spoofed_headers = true,
}


local function failure(status, doing)
  if status == library.BYPASS then
    return BYPASSED
  end

  return nil, library.error(doing)
end


local function split(text)
  local list = {}
  for item in text:gmatch("[^,]+") do
    list[#list + 1] = item
  end

  return list
end


local function uninspected_names(bits)
  local names = {}
  for name, flag in pairs(_M.UNINSPECTED) do
    if bit.band(bits, flag) ~= 0 then
      names[#names + 1] = name
    end
  end

  table.sort(names)
  return names
end


-- Copies the verdict out of the scratch.
local function copy_verdict()
  local action = verdict.action
  local found = {
    action = ACTIONS[action],
    refuses = action >= 2,
    score = verdict.score,
    category = CATEGORIES[verdict.category],
    retry_after_s = verdict.retry_after_s,
    account = tonumber(verdict.account),
    session = tonumber(verdict.session),
    flight = tonumber(verdict.flight),
    attempt = verdict.attempt,
    spoofed_headers = verdict.spoofed_headers == 1,
  }

  if verdict.rest > 0 then
    -- A copy, for the next look: other requests have their turn before it.
    found.unfinished = new_verdict(verdict)
  end

  if verdict.rules_len > 0 then
    found.rules = split(ffi_string(verdict.rules, verdict.rules_len))
    found.incident = ffi_string(verdict.incident, verdict.incident_len)
    found.reason = ffi_string(verdict.reason, verdict.reason_len)
  end

  if verdict.shadow_len > 0 then
    found.shadow = {
      rules = split(ffi_string(verdict.shadow, verdict.shadow_len)),
      verdict = ACTIONS[verdict.shadow_action],
      score = verdict.shadow_score,
    }
  end

  if verdict.uninspected ~= 0 then
    found.uninspected = uninspected_names(verdict.uninspected)
    found.uninspected_bytes = tonumber(verdict.uninspected_bytes)
  end

  return found
end


-- Takes the verdict that a call left, by its status. Returns it, or nil and an error.
local function read_verdict(status, doing)
  if status == STATUS_CLEAN then
    return CLEAN
  end
  if status ~= 0 then
    return failure(status, doing)
  end

  return copy_verdict()
end


-- Tells who sent the request at hand: what request.lua gathered of that, and the address that nginx has.
local function fill_sender(into, from)
  fill_identity(into, from)
  if from.has_client_ip then
    read_client_ip(into.client_ip)
  end
end


-- Tells whether any ban stands on the node. Returns nil and an error where that cannot be asked.
function _M.bans_stand()
  local status = library.C.ta_bans_stand(number_out)
  if status ~= 0 then
    return failure(status, "ask for bans")
  end

  return number_out[0] == 1
end


-- Asks whether a client is banned on the whole node. Returns a verdict, or nil and an error.
function _M.check_ban(engine, from)
  fill_sender(identity, from)
  local status = library.C.ta_engine_check_ban(engine, identity, verdict)
  return read_verdict(status, "check for bans")
end


local function note_timing()
  local us = tonumber(clock_after.s - clock_before.s) * 1e6 + tonumber(clock_after.ns - clock_before.ns) / 1000
  local bucket = 1
  while TIMINGS_US[bucket] and us > TIMINGS_US[bucket] do
    bucket = bucket + 1
  end

  timings.counts[bucket] = (timings.counts[bucket] or 0) + 1
  timings.sum_s = timings.sum_s + us / 1e6
end


-- Takes out how long inspections took in this worker since the last call: { counts, sum_s }, counts by
-- the bucket of TIMINGS_US (one more for longer ones).
function _M.take_timings()
  local taken = timings
  timings = { counts = {}, sum_s = 0 }
  return taken
end


-- Calls the engine, and times the call.
local function inspect_timed(engine)
  ffi.C.ta_clock_gettime(CLOCK_MONOTONIC, clock_before)
  local status = library.C.ta_engine_inspect(engine, request, verdict)
  ffi.C.ta_clock_gettime(CLOCK_MONOTONIC, clock_after)
  note_timing()
  return status
end


-- Decides on the request at hand; `from` is what request.lua gathered of it. before: the verdict on what was seen of it
-- already, for stages after others. Returns a verdict, or nil and an error.
function _M.inspect(engine, from, before)
  fill_sender(request.identity, from)
  set_str(request.method, from.method)
  -- `from` is for tests, which have no nginx.
  read_head(request, from)
  request.body.ptr = from.body
  request.body.len = from.body_len
  request.body_unread_bytes = from.body_unread_bytes
  request.body_unread = from.body_unread
  request.stage = from.stage
  request.before = before and before.unfinished

  inspections = inspections + 1
  local status
  if inspections % TIMED_OF == 0 then
    status = inspect_timed(engine)
  else
    status = library.C.ta_engine_inspect(engine, request, verdict)
  end
  local found, err = read_verdict(status, "inspect a request")
  if from.stage == HEAD and found and found.rules then
    found.unfinished = new_verdict(verdict)
  end
  return found, err
end


-- Decides on what earlier looks at the request did not reach, of which `before` is the verdict. Returns the verdict on all
-- that was seen, or nil and an error.
function _M.inspect_rest(engine, from, before)
  local found, err = _M.inspect(engine, from, before)
  if found == BYPASSED then
    -- Nothing more is looked at.
    before.unfinished = nil
    return before
  end

  return found, err
end


-- Judges a request by a config on counters of its own, so that nobody is counted or suspected:
-- for self-tests. Returns a verdict, or nil and an error.
function _M.probe(conf, from)
  local engine, err = engines.compile(conf)
  if not engine then
    return nil, err
  end

  fill_identity(request.identity, from)
  for _, field in ipairs({ "method", "scheme", "host", "target" }) do
    set_str(request[field], from[field])
  end
  request.headers_len = 0
  set_str(request.body, from.body)
  request.body_unread_bytes, request.body_unread, request.stage = 0, 0, _M.STAGE.whole

  local status = library.C.ta_engine_probe(engine, request, verdict)
  return read_verdict(status, "test the engine")
end


-- Reads a piece of the answer to a request with findings. attempt: the verdict's. Returns it with what the
-- text gives away; or nil and an error.
function _M.read_answer(attempt, text)
  set_str(str, text)
  number_out[0] = attempt
  local status = library.C.ta_answer_read(str, number_out)
  if status ~= 0 then
    return failure(status, "read an answer")
  end

  return number_out[0]
end


-- What the response says of an attack in its request, by its bits.
local SIGNS = { [1] = "delayed", [2] = "larger", [4] = "error", [8] = "disclosed", [16] = "complained" }
local WORKED = 1 + 2 + 8


local function read_signs(bits)
  local signs = {}
  for flag, name in pairs(SIGNS) do
    if bit.band(bits, flag) ~= 0 then
      signs[#signs + 1] = name
    end
  end

  table.sort(signs)
  local worked = bit.band(bits, WORKED) ~= 0
  return { outcome = worked and "likely_successful" or "attempted", signs = signs[1] and signs }
end


-- Tells the engine how a request ended:
-- { status, source, latency_ms, request_bytes, response_bytes, account, session, flight, attempt, method }.
-- method: by METHODS.
-- source: 0 the upstream, 1 a plugin or Kong, 2 an error on the way.
-- Returns, for a request with payload findings, whether the attack worked: { outcome, signs }; for
-- others true.
function _M.observe(engine, from, ended)
  fill_sender(identity, from)
  outcome.status = ended.status
  outcome.source = ended.source
  outcome.latency_ms = ended.latency_ms
  outcome.request_bytes = ended.request_bytes
  outcome.response_bytes = ended.response_bytes
  outcome.attempt = ended.attempt
  outcome.account = ended.account
  outcome.session = ended.session
  outcome.flight = ended.flight
  read_target(outcome.target, ended)
  outcome.method = ended.method

  local status = library.C.ta_engine_observe(engine, identity, outcome, number_out)
  if status ~= 0 then
    return failure(status, "observe a response")
  end

  return ended.attempt == 0 or read_signs(number_out[0])
end


return _M
