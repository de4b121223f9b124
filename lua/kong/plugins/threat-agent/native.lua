-- The only reader of the native library. Every function returns a value, or nil and an error;
-- nothing raises, also when the library is missing or of another version.
--
-- Scratch cdata are module-local and are read before anything can yield.

local ffi = require "ffi"
local cdef = require "kong.plugins.threat-agent.cdef"
local cjson = require "cjson.safe"
local references = require "kong.plugins.threat-agent.references"
local vocabulary = require "kong.plugins.threat-agent.vocabulary"
local wire = require "kong.plugins.threat-agent.wire"


local type = type
local pairs = pairs
local pcall = pcall
local ipairs = ipairs
local ffi_string = ffi.string
local tostring = tostring
local setmetatable = setmetatable


local _M = {
  VERSION = cdef.version,
}


-- The fields of the plugin's config that the engine knows; the others are for Lua alone.
local ENGINE_FIELDS = {
  "mode",
  "enforce_ratio",
  "enforce_ratios",
  "sampling_ratio",
  "auth_failure_statuses",
  "allowlist",
  "rules",
  "limits",
  "payload",
  "behaviour",
}

local ACTIONS = { [0] = "allow", "tag", "throttle", "block" }

-- By the numbers in the library, and the numbers by the words.
local CATEGORIES, CATEGORY_NUMBERS = vocabulary.CATEGORIES, {}
for number, name in ipairs(CATEGORIES) do
  CATEGORY_NUMBERS[name] = number
end

local BAN_BY = { client_ip = 0, consumer = 1, network = 2, credential = 3, session = 4,
                 route = 5, service = 6 }
local BAN_SCOPES = { global = 0, service = 1, route = 2 }
local MEASURES = { refuse = 0, limit = 1, allow = 2, concurrency = 3 }

-- Which part of a request a call is about.
_M.STAGE = {
  whole = 0,
  head = 1,   -- the body is to come
  body = 2,   -- the head was seen before
}

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


-- Statuses of the library; negative ones are errors.
local TRUNCATED = 1
local PARTIAL = 2
local BYPASS = 3


local C                     -- the library, once loaded
local load_error            -- why it is not, or may no longer be used
local engine_out, identity, request, verdict, outcome, node, length, number_out
local beat_out, sequence_out, str, key_str, ban_out, traffic_out
local text_buffer, text_size
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


local function find_library()
  local path = package.searchpath("libthreat_agent", package.cpath)
  if path then
    return path
  end

  return nil, "libthreat_agent.so was not found in lua_package_cpath (" .. package.cpath
              .. "): install the rock, or add the library's folder to lua_package_cpath"
end


-- Calls an export that copies text out, with as much room as it needs.
-- Returns the text, or nil when the call failed.
local function read_text(call)
  local status = call(text_buffer, text_size, length)
  if status == TRUNCATED then
    text_size = tonumber(length[0])
    text_buffer = ffi.new("uint8_t[?]", text_size)
    status = call(text_buffer, text_size, length)
  end

  return status >= 0 and ffi_string(text_buffer, length[0]) or nil
end


local function set_str(into, text)
  into.ptr = text
  into.len = #text
end


local function last_error(doing)
  return "could not " .. doing .. ": " .. read_text(C.ta_last_error)
end


local function allocate()
  engine_out = ffi.new("ta_engine_t *[1]")
  identity = ffi.new("ta_identity_t")
  request = ffi.new("ta_request_t")
  verdict = ffi.new("ta_verdict_t")
  outcome = ffi.new("ta_outcome_t")
  node = ffi.new("ta_node_t")
  length = ffi.new("size_t[1]")
  number_out = ffi.new("uint32_t[1]")
  beat_out = ffi.new("ta_tick_t")
  sequence_out = ffi.new("uint64_t[1]")
  str = ffi.new("ta_str_t")
  key_str = ffi.new("ta_str_t")
  ban_out = ffi.new("ta_ban_t")
  traffic_out = ffi.new("ta_traffic_t")
  clock_before, clock_after = ffi.new("ta_clock_t"), ffi.new("ta_clock_t")
  text_size = 1024
  text_buffer = ffi.new("uint8_t[?]", text_size)
end


local function load()
  local path, err = find_library()
  if not path then
    return nil, err
  end

  local ok, lib = pcall(ffi.load, path)
  if not ok then
    return nil, "could not load " .. path .. ": " .. tostring(lib)
  end

  -- A cdef stays for the life of the VM: one that is there already is this module's own.
  if not pcall(ffi.typeof, "ta_verdict_t") then
    ffi.cdef(cdef.text)
    ffi.cdef(CLOCK_CDEF)
  end

  local has_version = pcall(function() return lib.ta_version end)
  if not has_version then
    return nil, path .. " is not threat-agent's library: it lacks ta_version"
  end

  allocate()
  local version = read_text(lib.ta_version)
  local expected = cdef.version .. "+" .. cdef.abi
  if version ~= expected then
    return nil, path .. " is version " .. version .. ", the plugin is version " .. expected
                .. ": install both from one release, then `kong restart` (a reload keeps the old library)"
  end

  return lib
end


-- Loads the library, once. Returns true, or nil and what to do about it.
function _M.load()
  if C then
    return true
  end

  if not load_error then
    local lib, err = load()
    if not lib then
      load_error = err
      return nil, err
    end

    C = lib
    return true
  end

  return nil, load_error
end


-- Makes the region that all workers count in; to be called in the master, before the fork.
-- bytes: 0 for the default. snapshot: what bans_snapshot() gave, or nil.
-- Returns the number of bans restored, and what was wrong with the snapshot; or nil and an error.
function _M.region_init(bytes, snapshot)
  if not snapshot then
    if C.ta_region_init(bytes) ~= 0 then
      return nil, last_error("make the shared region")
    end

    return 0
  end

  set_str(str, snapshot)
  local status = C.ta_region_restore(bytes, str, ngx.time() * 1000, number_out)
  if status < 0 then
    return nil, last_error("make the shared region")
  end

  return number_out[0], status == PARTIAL and last_error("restore the bans") or nil
end


-- Makes the folder for the node's files and gives it to the workers' user; in the master.
function _M.prepare_folder(path, user)
  local user_str = ffi.new("ta_str_t")
  set_str(str, path)
  set_str(user_str, user)
  if C.ta_folder_prepare(str, user_str) ~= 0 then
    return nil, last_error("make the folder for the node's files")
  end

  return true
end


-- Joins the node as a worker. Returns how many workers were found to have died in the engine.
function _M.attach()
  if C.ta_worker_attach(number_out) ~= 0 then
    -- A worker that reads the region otherwise than its master must not count in it.
    load_error = last_error("join the node")
    C = nil
    return nil, load_error
  end

  return number_out[0]
end


-- Describes the node: counters as Lua numbers.
function _M.node()
  if C.ta_node_status(node) ~= 0 then
    return nil, last_error("read the node's status")
  end

  return {
    shared = node.shared == 1,
    bypass = node.bypass == 1,
    workers = tonumber(node.workers),
    recent_deaths = tonumber(node.recent_deaths),
    region_bytes = tonumber(node.region_bytes),
    capacity_keys = tonumber(node.capacity_keys),
    live_keys = tonumber(node.live_keys),
    bans = tonumber(node.bans),
    requests = tonumber(node.requests),
    allowed = tonumber(node.allowed),
    tagged = tonumber(node.tagged),
    throttled = tonumber(node.throttled),
    blocked = tonumber(node.blocked),
    uninspected_requests = tonumber(node.uninspected_requests),
    uninspected_bytes = tonumber(node.uninspected_bytes),
    panics = tonumber(node.panics),
    shadowed = tonumber(node.shadowed),
  }
end


-- Does a second's work where this worker leads the node. Returns whether it leads, and whether
-- it does so only since now; or nil and an error.
function _M.tick(wall_s)
  local status = C.ta_tick(wall_s, beat_out)
  if status == BYPASS then
    return false, false
  end
  if status ~= 0 then
    return nil, last_error("do the second's work")
  end

  return beat_out.leader == 1, beat_out.new_leader == 1
end


-- The oldest incident that was published after `since`: its JSON and its sequence, or nil.
function _M.next_incident(since)
  local json = read_text(function(buf, size, needed)
    return C.ta_incident_next(since, buf, size, needed, sequence_out)
  end)
  local sequence = tonumber(sequence_out[0])
  if not json or sequence == 0 then
    return nil
  end

  return json, sequence
end


-- Tells the engine of a configuration change: { wall_s, hash, entities }.
function _M.note_change(change)
  set_str(str, cjson.encode(change))
  if C.ta_change_note(str) ~= 0 then
    return nil, last_error("note a configuration change")
  end

  return true
end


-- What was learned, as text for a file.
function _M.export_learned()
  local text = read_text(C.ta_learned_export)
  if not text then
    return nil, last_error("export what was learned")
  end

  return text
end


-- Where normal has changed for good after a second: { workspace, service, route, metric, what, from, to, at_s },
-- a list. nil and an error.
function _M.drifts(since_s)
  local text = read_text(function(buf, size, needed)
    return C.ta_drifts(since_s, buf, size, needed)
  end)
  if not text then
    return nil, last_error("read the drifts")
  end

  return cjson.decode(text)
end


-- Takes in what export_learned() gave.
function _M.import_learned(text)
  set_str(str, text)
  if C.ta_learned_import(str) ~= 0 then
    return nil, last_error("import what was learned")
  end

  return true
end


-- What was learned of the routes' payloads, as text for a file.
function _M.export_profiles()
  local text = read_text(C.ta_profiles_export)
  if not text then
    return nil, last_error("export the profiles of payloads")
  end

  return text
end


-- Takes in what export_profiles() gave.
function _M.import_profiles(text)
  set_str(str, text)
  if C.ta_profiles_import(str) ~= 0 then
    return nil, last_error("import the profiles of payloads")
  end

  return true
end


-- The standing bans, as text for a file: keyed hashes, no addresses.
function _M.bans_snapshot()
  local wall_ms = ngx.time() * 1000
  local text = read_text(function(buf, size, needed)
    return C.ta_bans_snapshot(wall_ms, buf, size, needed)
  end)
  if not text then
    return nil, last_error("take a snapshot of the bans")
  end

  return text
end


local function flow(from)
  return {
    requests = tonumber(from.requests),
    errors = tonumber(from.errors),
    not_found = tonumber(from.not_found),
    refused = tonumber(from.refused),
    exits = tonumber(from.exits),
    answered = tonumber(from.answered),
    latency_ms = tonumber(from.latency_ms),
  }
end


-- Copies what the engine is to see: no nulls, and no empty tables, whose JSON is ambiguous.
local function plain(value)
  if type(value) ~= "table" then
    return value
  end

  local copy = {}
  for k, v in pairs(value) do
    if v ~= nil and v ~= ngx.null then
      v = plain(v)
      if type(v) ~= "table" or next(v) ~= nil then
        copy[k] = v
      end
    end
  end

  return copy
end


local function is_empty(list)
  return type(list) == "table" and #list == 0
end


local function instance_scope(conf)
  return conf.route_id and "route" or conf.service_id and "service" or "global"
end


local function engine_json(conf)
  local fields = { instance_scope = instance_scope(conf) }
  for _, name in ipairs(ENGINE_FIELDS) do
    fields[name] = conf[name]
  end

  local protected = conf.response and conf.response.protected
  fields.protected_cidrs = protected and protected.cidrs

  fields = plain(fields)
  -- An empty list is not the default list.
  if is_empty(conf.auth_failure_statuses) then
    fields.auth_failure_statuses = cjson.empty_array
  end
  if conf.payload and is_empty(conf.payload.families) then
    fields.payload = fields.payload or {}
    fields.payload.families = cjson.empty_array
  end
  if conf.behaviour and is_empty(conf.behaviour.account_fields) then
    fields.behaviour = fields.behaviour or {}
    fields.behaviour.account_fields = cjson.empty_array
  end

  return cjson.encode(fields)
end


-- Checks a config as the engine would, without keeping anything. Returns true, or nil and what
-- is wrong.
function _M.check(conf)
  local json, err = engine_json(conf)
  if not json then
    return nil, "could not encode the config: " .. err
  end

  set_str(str, json)
  if C.ta_config_check(str) ~= 0 then
    return nil, read_text(C.ta_last_error)
  end

  return true
end


local function free(handle)
  C.ta_engine_free(handle)
end


-- Compiles a config. Returns the engine and, where rules had to be left out, which; or nil and
-- an error.
local function compile(json)
  set_str(str, json)

  local status = C.ta_engine_new(str, engine_out)
  if status < 0 then
    return nil, last_error("compile the configuration")
  end

  -- A Lua closure, because a C function as finaliser is gone before the VM closes.
  local engine = ffi.gc(engine_out[0], function(handle) free(handle) end)
  if status == PARTIAL then
    return engine, "left out of the configuration: " .. read_text(C.ta_last_error)
  end

  return engine
end


local engines = setmetatable({}, { __mode = "k" })      -- conf → engine, or false
local by_content = setmetatable({}, { __mode = "v" })   -- JSON → engine


-- Finds or makes the engine of a conf table. The second value is an error that is new: to be
-- logged by the caller, once per conf.
function _M.engine(conf)
  local engine = engines[conf]
  if engine ~= nil then
    return engine or nil
  end

  local json, err = engine_json(conf)
  if json then
    engine = by_content[json]
    if not engine then
      engine, err = compile(json)
      by_content[json] = engine
    end
  end

  engines[conf] = engine or false
  references.narrow(conf)
  return engine, err
end


-- Lists the confs that this worker has engines for.
function _M.known_confs()
  local confs = {}
  for conf, engine in pairs(engines) do
    if engine then
      confs[#confs + 1] = conf
    end
  end

  return confs
end


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
  if status == BYPASS then
    return BYPASSED
  end

  return nil, last_error(doing)
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
local function read_verdict()
  if verdict.rules_len == 0 and verdict.uninspected == 0 and verdict.spoofed_headers == 0
     and verdict.account == 0 and verdict.session == 0 and verdict.flight == 0 and verdict.shadow_len == 0
  then
    return CLEAN
  end

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


local function fill_identity(into, from)
  set_str(into.client_ip, from.client_ip)
  set_str(into.workspace, from.workspace)
  set_str(into.route, from.route)
  set_str(into.service, from.service)
  set_str(into.consumer, from.consumer)
  -- Identities that the agent makes have none.
  set_str(into.credential, from.credential or "")
  -- Hexadecimal: more digits than JSON keeps of a number.
  into.session = from.session and tonumber(from.session, 16) or 0
end


-- Asks whether a client is banned on the whole node. Returns a verdict, or nil and an error.
function _M.check_ban(engine, from)
  fill_identity(identity, from)
  local status = C.ta_engine_check_ban(engine, identity, verdict)
  if status ~= 0 then
    return failure(status, "check for bans")
  end

  return read_verdict()
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


-- Calls the engine, and times the call now and then.
local function inspect(engine)
  inspections = inspections + 1
  if inspections % TIMED_OF ~= 0 then
    return C.ta_engine_inspect(engine, request, verdict)
  end

  ffi.C.ta_clock_gettime(CLOCK_MONOTONIC, clock_before)
  local status = C.ta_engine_inspect(engine, request, verdict)
  ffi.C.ta_clock_gettime(CLOCK_MONOTONIC, clock_after)
  note_timing()
  return status
end


-- Decides on the request at hand; `from` is what request.lua gathered of it. Returns a verdict, or nil
-- and an error.
function _M.inspect(engine, from)
  fill_identity(request.identity, from)
  set_str(request.method, from.method)
  -- `from` is for tests, which have no nginx.
  wire.read_head(request, from)
  request.body.ptr = from.body
  request.body.len = from.body_len
  request.body_unread_bytes = from.body_unread_bytes
  request.body_unread = from.body_unread
  request.stage = from.stage

  local status = inspect(engine)
  if status ~= 0 then
    return failure(status, "inspect a request")
  end

  return read_verdict()
end


-- Judges a request by a config on counters of its own, so that nobody is counted or suspected:
-- for self-tests. Returns a verdict, or nil and an error.
function _M.probe(conf, from)
  local engine, err = compile(engine_json(conf))
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

  local status = C.ta_engine_probe(engine, request, verdict)
  if status ~= 0 then
    return failure(status, "test the engine")
  end

  return read_verdict()
end


local function fill_ban(ban)
  fill_identity(ban_out.identity, ban)
  ban_out.by = BAN_BY[ban.by]
  ban_out.scope = BAN_SCOPES[ban.scope]
  ban_out.ttl_s = ban.ttl_s
  ban_out.category = CATEGORY_NUMBERS[ban.category]
  ban_out.measure = MEASURES[ban.measure or "refuse"]
  ban_out.limit = ban.limit or 0
  ban_out.window_s = ban.window_s or 0
end


-- Refuses a sender, holds it to a limit or exempts it: an identity with { by, scope, ttl_s, category,
-- measure } and, for a limit, { limit, window_s }; or caps what goes to a route or service at once.
-- Returns true, or nil and an error.
function _M.ban(ban)
  fill_ban(ban)
  if C.ta_ban_set(ban_out) ~= 0 then
    return nil, last_error("ban a client")
  end

  return true
end


-- Lifts what ban() set. Returns true, or nil and an error.
function _M.lift_ban(ban)
  fill_ban(ban)
  if C.ta_ban_lift(ban_out) ~= 0 then
    return nil, last_error("lift a ban")
  end

  return true
end


-- What goes to the route of an identity, and what a sender of it sends there: flows of the last minute
-- (`minute`, `sender_minute`) and of ten seconds (`ten_s`, `sender_ten_s`), and `hot_limit`.
-- by: "client_ip" when not given. Returns nil and an error.
function _M.traffic(from, by)
  fill_identity(identity, from)
  if C.ta_traffic(identity, BAN_BY[by or "client_ip"], traffic_out) ~= 0 then
    return nil, last_error("read the traffic")
  end

  return {
    minute = flow(traffic_out.route_60s),
    ten_s = flow(traffic_out.route_10s),
    sender_minute = flow(traffic_out.sender_60s),
    sender_ten_s = flow(traffic_out.sender_10s),
    hot_limit = tonumber(traffic_out.hot_limit),
    in_flight = tonumber(traffic_out.in_flight),
  }
end


-- Whether an address lies in one of some networks. Returns nil and an error where one is none.
function _M.is_within(address, networks)
  set_str(key_str, address)
  set_str(str, table.concat(networks, ","))
  if C.ta_address_within(key_str, str, number_out) ~= 0 then
    return nil, last_error("look for an address in networks")
  end

  return number_out[0] == 1
end


-- Authenticates a text with a key: HMAC-SHA-256 in hexadecimal.
function _M.digest(key, text)
  set_str(key_str, key)
  set_str(str, text)
  return read_text(function(buf, size, needed)
    return C.ta_digest(key_str, str, buf, size, needed)
  end)
end


-- What the response says of an attack in its request, by its bits.
local SIGNS = { "delayed", "larger", nil, "error" }
local DELAYED_OR_LARGER = 3


local function read_signs(bits)
  local signs = {}
  for flag, name in pairs(SIGNS) do
    if bit.band(bits, flag) ~= 0 then
      signs[#signs + 1] = name
    end
  end

  table.sort(signs)
  local worked = bit.band(bits, DELAYED_OR_LARGER) ~= 0
  return { outcome = worked and "likely_successful" or "attempted", signs = signs[1] and signs }
end


-- Tells the engine how a request ended:
-- { status, source, latency_ms, request_bytes, response_bytes, account, session, flight, attempt, method }.
-- method: by METHODS.
-- source: 0 the upstream, 1 a plugin or Kong, 2 an error on the way.
-- Returns, for a request with payload findings, whether the attack worked: { outcome, signs }; for
-- others true.
function _M.observe(engine, from, ended)
  fill_identity(identity, from)
  outcome.status = ended.status
  outcome.source = ended.source
  outcome.latency_ms = ended.latency_ms
  outcome.request_bytes = ended.request_bytes
  outcome.response_bytes = ended.response_bytes
  outcome.attempt = ended.attempt
  outcome.account = ended.account
  outcome.session = ended.session
  outcome.flight = ended.flight
  wire.read_target(outcome.target, ended)
  outcome.method = ended.method

  local status = C.ta_engine_observe(engine, identity, outcome, number_out)
  if status ~= 0 then
    return failure(status, "observe a response")
  end

  return ended.attempt == 0 or read_signs(number_out[0])
end


return _M
