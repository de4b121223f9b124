-- What the agent and the APIs ask of the region that all workers share, by the native library. Every
-- function returns a value, or nil and an error; nothing raises.
--
-- Scratch cdata are module-local and are read before anything can yield.

local ffi = require "ffi"
local cjson = require "cjson.safe"
local library = require "kong.plugins.threat-agent.library"
local vocabulary = require "kong.plugins.threat-agent.vocabulary"


local ipairs = ipairs
local ngx = ngx
local set_str = library.set_str
local fill_identity = library.fill_identity
local tonumber = tonumber


local CATEGORY_NUMBERS = {}
for number, name in ipairs(vocabulary.CATEGORIES) do
  CATEGORY_NUMBERS[name] = number
end

local BAN_BY = { client_ip = 0, consumer = 1, network = 2, credential = 3, session = 4,
                 route = 5, service = 6 }
local BAN_SCOPES = { global = 0, service = 1, route = 2 }
local MEASURES = { refuse = 0, limit = 1, allow = 2, concurrency = 3, refuse_on_signal = 4, tag = 5 }


local _M = {}


local identity, node, number_out, beat_out, sequence_out, left_out, str, key_str, ban_out, traffic_out
local bans_changed = 0     -- how often this worker has set or lifted some
local bans_kept = 0        -- the same of the snapshot that was last kept


library.when_loaded(function()
  identity = ffi.new("ta_identity_t")
  node = ffi.new("ta_node_t")
  number_out = ffi.new("uint32_t[1]")
  beat_out = ffi.new("ta_tick_t")
  sequence_out = ffi.new("uint64_t[1]")
  left_out = ffi.new("uint64_t[1]")
  str = ffi.new("ta_str_t")
  key_str = ffi.new("ta_str_t")
  ban_out = ffi.new("ta_ban_t")
  traffic_out = ffi.new("ta_traffic_t")
end)


-- Makes the region that all workers count in; to be called in the master, before the fork.
-- bytes: 0 for the default. snapshot: what bans_snapshot() gave, or nil.
-- Returns the number of bans restored, and what was wrong with the snapshot; or nil and an error.
function _M.init(bytes, snapshot)
  if not snapshot then
    if library.C.ta_region_init(bytes) ~= 0 then
      return nil, library.error("make the shared region")
    end

    return 0
  end

  set_str(str, snapshot)
  local status = library.C.ta_region_restore(bytes, str, ngx.time() * 1000, number_out)
  if status < 0 then
    return nil, library.error("make the shared region")
  end

  return number_out[0], status == library.PARTIAL and library.error("restore the bans") or nil
end


-- Makes the folder for the node's files and gives it to the workers' user; in the master.
function _M.prepare_folder(path, user)
  local user_str = ffi.new("ta_str_t")
  set_str(str, path)
  set_str(user_str, user)
  if library.C.ta_folder_prepare(str, user_str) ~= 0 then
    return nil, library.error("make the folder for the node's files")
  end

  return true
end


-- Joins the node as a worker. Returns how many workers were found to have died in the engine.
function _M.attach()
  if library.C.ta_worker_attach(number_out) ~= 0 then
    -- A worker that reads the region otherwise than its master must not count in it.
    local err = library.error("join the node")
    library.disable(err)
    return nil, err
  end

  return number_out[0]
end


-- Describes the node: counters as Lua numbers.
function _M.node()
  if library.C.ta_node_status(node) ~= 0 then
    return nil, library.error("read the node's status")
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
  local status = library.C.ta_tick(wall_s, beat_out)
  if status == library.BYPASS then
    return false, false
  end
  if status ~= 0 then
    return nil, library.error("do the second's work")
  end

  return beat_out.leader == 1, beat_out.new_leader == 1
end


-- Whether this worker leads the node by now. Returns false, too, where that cannot be asked.
function _M.leads()
  return library.C.ta_leads(number_out) == 0 and number_out[0] == 1
end


-- The oldest incident that was published after `since`: its JSON and its sequence, or nil.
function _M.next_incident(since)
  local json = library.text(function(buf, size, needed)
    return library.C.ta_incident_next(since, buf, size, needed, sequence_out)
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
  if library.C.ta_change_note(str) ~= 0 then
    return nil, library.error("note a configuration change")
  end

  return true
end


-- What was learned, as text for a file.
function _M.export_learned()
  local text = library.text(library.C.ta_learned_export)
  if not text then
    return nil, library.error("export what was learned")
  end

  return text
end


-- Where normal has changed for good after a second: { workspace, service, route, metric, what, from, to, at_s },
-- a list. nil and an error.
function _M.drifts(since_s)
  local text = library.text(function(buf, size, needed)
    return library.C.ta_drifts(since_s, buf, size, needed)
  end)
  if not text then
    return nil, library.error("read the drifts")
  end

  return cjson.decode(text)
end


-- Takes in what export_learned() gave.
function _M.import_learned(text)
  set_str(str, text)
  if library.C.ta_learned_import(str) ~= 0 then
    return nil, library.error("import what was learned")
  end

  return true
end


-- What was learned of the routes' payloads, as text for a file.
function _M.export_profiles()
  local text = library.text(library.C.ta_profiles_export)
  if not text then
    return nil, library.error("export the profiles of payloads")
  end

  return text
end


-- Takes in what export_profiles() gave.
function _M.import_profiles(text)
  set_str(str, text)
  if library.C.ta_profiles_import(str) ~= 0 then
    return nil, library.error("import the profiles of payloads")
  end

  return true
end


-- The standing bans, as text for a file: keyed hashes, no addresses. Returns that, and what keep_bans() is to be told once it
-- is in the file; or nil and an error.
function _M.bans_snapshot()
  local has_changed = bans_changed
  local wall_ms = ngx.time() * 1000
  local text = library.text(function(buf, size, needed)
    return library.C.ta_bans_snapshot(wall_ms, buf, size, needed)
  end)
  if not text then
    return nil, library.error("take a snapshot of the bans")
  end

  return text, has_changed
end


-- Takes note that a snapshot was kept: what was set or lifted after it was taken was not.
function _M.keep_bans(has_changed)
  bans_kept = has_changed
end


-- Whether ban() or lift_ban() was called here since the snapshot that was last kept.
function _M.has_new_bans()
  return bans_changed ~= bans_kept
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
    turned_away = tonumber(from.turned_away),
  }
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


-- Refuses a sender, or what of it shows a sign of an attack, tags it, holds it to a limit or exempts it: an
-- identity with { by, scope, ttl_s, category, measure } and, for a limit, { limit, window_s }; or caps what goes to a
-- route or service at once. Returns true, or nil and an error.
function _M.ban(ban)
  bans_changed = bans_changed + 1
  fill_ban(ban)
  if library.C.ta_ban_set(ban_out) ~= 0 then
    return nil, library.error("ban a client")
  end

  return true
end


-- Lifts what ban() set. Returns true, or nil and an error.
function _M.lift_ban(ban)
  bans_changed = bans_changed + 1
  fill_ban(ban)
  if library.C.ta_ban_lift(ban_out) ~= 0 then
    return nil, library.error("lift a ban")
  end

  return true
end


-- How long what ban() set stands yet, with its numbers, in seconds; 0 where it does not. Returns nil and an error.
function _M.ban_left_s(ban)
  fill_ban(ban)
  if library.C.ta_ban_left(ban_out, left_out) ~= 0 then
    return nil, library.error("look for a ban")
  end

  return tonumber(left_out[0]) / 1000
end


-- Lifts what a client is suspected of, in its workspace and on the route of the identity. Returns true, or
-- nil and an error.
function _M.lift_suspicion(from)
  fill_identity(identity, from)
  if library.C.ta_suspicion_lift(identity) ~= 0 then
    return nil, library.error("lift a suspicion")
  end

  return true
end


-- What goes to the route of an identity, and what a sender of it sends there: flows of the last minute
-- (`minute`, `sender_minute`) and of ten seconds (`ten_s`, `sender_ten_s`), `hot_limit`, and what is under way to the
-- route and to its service while a cap stands there (`in_flight`, `service_in_flight`).
-- by: "client_ip" when not given. Returns nil and an error.
function _M.traffic(from, by)
  fill_identity(identity, from)
  if library.C.ta_traffic(identity, BAN_BY[by or "client_ip"], traffic_out) ~= 0 then
    return nil, library.error("read the traffic")
  end

  return {
    minute = flow(traffic_out.route_60s),
    ten_s = flow(traffic_out.route_10s),
    sender_minute = flow(traffic_out.sender_60s),
    sender_ten_s = flow(traffic_out.sender_10s),
    hot_limit = tonumber(traffic_out.hot_limit),
    in_flight = tonumber(traffic_out.in_flight),
    service_in_flight = tonumber(traffic_out.service_in_flight),
  }
end


-- Whether an address lies in one of some networks. Returns nil and an error where one is none.
function _M.is_within(address, networks)
  set_str(key_str, address)
  set_str(str, table.concat(networks, ","))
  if library.C.ta_address_within(key_str, str, number_out) ~= 0 then
    return nil, library.error("look for an address in networks")
  end

  return number_out[0] == 1
end


-- Authenticates a text with a key: HMAC-SHA-256 in hexadecimal.
function _M.digest(key, text)
  set_str(key_str, key)
  set_str(str, text)
  return library.text(function(buf, size, needed)
    return library.C.ta_digest(key_str, str, buf, size, needed)
  end)
end


return _M
