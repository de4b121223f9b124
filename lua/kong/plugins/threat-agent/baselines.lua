-- What is usual on a route by what the engine learned, as any worker can read it: the leader saves it
-- every ten seconds.

local cjson = require "cjson.safe"
local files = require "kong.plugins.threat-agent.files"


local ngx = ngx
local ipairs = ipairs
local max = math.max
local min = math.min


-- Reading the file is dear: what it held is kept for a while.
local KEPT_S = 10
local MAX_BYTES = 16 * 1024 * 1024

-- Seconds with traffic from which the engine acts on what it learned (`MATURE_S` there).
local MATURE_S = 600
local HOUR_S, HOURS = 3600, 168

-- Consumers are places, too, by this service.
local CONSUMERS = "(consumers)"


local _M = {}


local places = { routes = {}, count = 0, mature = 0, consumers = 0 }
local read_s = -KEPT_S


local function key_of(workspace, route)
  return workspace .. "/" .. route
end


local function round(number, decimals)
  local unit = 10 ^ decimals
  return math.floor(number * unit + 0.5) / unit
end


local function ratio_of(ratio)
  return round(ratio.hits / max(1, ratio.total), 4)
end


-- Requests a second that are expected now. As the engine's `expected_rate` has it: the fast average, held
-- to the hour of the week.
local function expected_rate(baseline, now_s)
  local fast = baseline.rate.mean
  local hour = baseline.rate_hours.values[math.floor(now_s / HOUR_S) % HOURS + 1]
  if not hour or hour < 0 then
    return fast
  end

  return max(min(fast, 3 * max(hour, 1)), min(hour, 2 * fast))
end


local function usual_of(place, now_s)
  local baseline = place.baseline
  return {
    per_s = round(expected_rate(baseline, now_s), 2),
    error_ratio = ratio_of(baseline.errors),
    not_found_ratio = ratio_of(baseline.not_found),
    refused_login_ratio = ratio_of(baseline.refused),
    latency_ms = round(baseline.latency.mean, 0),
    learned_s = baseline.seconds,
    is_mature = baseline.seconds >= MATURE_S,
    client_limit = place.suggested_limit and place.suggested_limit.limit,
  }
end


local function read()
  local found = { routes = {}, count = 0, mature = 0, consumers = 0 }
  local text = files.load(files.LEARNED)
  local saved = text and #text <= MAX_BYTES and cjson.decode(text)
  local now_s = ngx.time()
  for _, place in ipairs(type(saved) == "table" and saved.places or {}) do
    if place.service == CONSUMERS then
      found.consumers = found.consumers + 1
    else
      local usual = usual_of(place, now_s)
      found.routes[key_of(place.workspace, place.route)] = usual
      found.count = found.count + 1
      found.mature = found.mature + (usual.is_mature and 1 or 0)
    end
  end

  return found
end


local function known()
  local now = ngx.now()
  if now - read_s >= KEPT_S then
    places, read_s = read(), now
  end

  return places
end


-- What is usual on a route: { per_s, error_ratio, …, learned_s, is_mature }; nil where nothing was learned.
function _M.of(workspace, route)
  return known().routes[key_of(workspace, route)]
end


-- How much is known: { routes, mature_routes, consumers }.
function _M.summary()
  local all = known()
  return { routes = all.count, mature_routes = all.mature, consumers = all.consumers }
end


return _M
