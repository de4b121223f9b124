-- What is usual on a route by what the engine learned, as any worker can read it: the leader saves it
-- every ten seconds.

local cjson = require "cjson.safe"
local elapsed = require "kong.plugins.threat-agent.elapsed"
local files = require "kong.plugins.threat-agent.files"
local vocabulary = require "kong.plugins.threat-agent.vocabulary"


local ngx = ngx
local ipairs = ipairs
local max = math.max
local min = math.min
local pairs = pairs


-- Reading the file is dear: what it held is kept for a while.
local KEPT_S = 10
local MAX_BYTES = 32 * 1024 * 1024

-- Seconds with traffic from which the engine acts on what it learned (`MATURE_S` there).
local MATURE_S = 600
local HOUR_S, HOURS = 3600, 168

-- Methods besides GET in the order of the file.
local METHODS = { "POST", "PUT", "PATCH", "DELETE", "other", "HEAD", "OPTIONS" }


local _M = {}


-- What is watched for slow changes, as the engine names it.
_M.METRICS = {
  "rate", "error_ratio", "failed_logins", "latency_ms", "client_limit", "request_bytes", "response_bytes",
  "writing_ratio", "redirect_ratio", "refusal_ratio",
}


local places = { routes = {}, list = {}, drifts = {}, count = 0, mature = 0, consumers = 0 }
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


-- Shares of the methods that are used; the rest is GET.
local function methods_of(baseline)
  local shares = {}
  for i, name in ipairs(METHODS) do
    local share = baseline.methods and ratio_of(baseline.methods[i]) or 0
    shares[name] = share > 0 and share or nil
  end

  return next(shares) and shares or nil
end


-- The share of answers such as redirects; nil in a file of a former version.
local function answer_ratio(baseline, nth)
  return baseline.answers and ratio_of(baseline.answers[nth]) or nil
end


-- Sizes as { p50, p90, p99 }.
local function sizes_of(list)
  return type(list) == "table" and { p50 = list[1], p90 = list[2], p99 = list[3] } or nil
end


local function drifts_of(place)
  local list = {}
  for i, drift in ipairs(place.drifts or {}) do
    list[i] = { metric = drift.metric, what = drift.what, from = round(drift.from, 3), to = round(drift.to, 3),
                at_s = drift.at_s }
  end

  return list[1] and setmetatable(list, cjson.array_mt) or nil
end


local function usual_of(place, now_s)
  local baseline, bytes = place.baseline, place.usual_bytes or {}
  return {
    per_s = round(expected_rate(baseline, now_s), 2),
    error_ratio = ratio_of(baseline.errors),
    not_found_ratio = ratio_of(baseline.not_found),
    refused_login_ratio = ratio_of(baseline.refused),
    redirect_ratio = answer_ratio(baseline, 1),
    refusal_ratio = answer_ratio(baseline, 2),
    methods = methods_of(baseline),
    latency_ms = round(baseline.latency.mean, 0),
    request_bytes = sizes_of(bytes.requests),
    response_bytes = sizes_of(bytes.responses),
    learned_s = baseline.seconds,
    is_mature = baseline.seconds >= MATURE_S,
    client_limit = place.suggested_limit and place.suggested_limit.limit,
    drifts = drifts_of(place),
  }
end


-- What is known of a consumer: of it no rates of errors or latency are kept.
local function habits_of(place)
  local baseline, bytes = place.baseline, place.usual_bytes or {}
  return {
    redirect_ratio = answer_ratio(baseline, 1),
    refusal_ratio = answer_ratio(baseline, 2),
    methods = methods_of(baseline),
    request_bytes = sizes_of(bytes.requests),
    response_bytes = sizes_of(bytes.responses),
    learned_s = baseline.seconds,
    is_mature = baseline.seconds >= HOUR_S,
    drifts = drifts_of(place),
  }
end


-- A place as it is listed: what is usual there, and the limit that it suggests.
local function listed(place, usual)
  local is_consumer = place.service == vocabulary.CONSUMERS
  return {
    workspace = place.workspace,
    service = not is_consumer and place.service ~= "" and place.service or nil,
    route = not is_consumer and place.route or nil,
    consumer = is_consumer and place.route or nil,
    suggested_limit = place.suggested_limit,
    usual = usual,
  }
end


local function read()
  local found = { routes = {}, list = {}, drifts = {}, count = 0, mature = 0, consumers = 0 }
  local text = files.load(files.LEARNED)
  local saved = text and #text <= MAX_BYTES and cjson.decode(text)
  local now_s = ngx.time()
  for i, place in ipairs(type(saved) == "table" and saved.places or {}) do
    local usual
    if place.service == vocabulary.CONSUMERS then
      usual = habits_of(place)
      found.consumers = found.consumers + 1
    else
      usual = usual_of(place, now_s)
      found.routes[key_of(place.workspace, place.route)] = usual
      found.count = found.count + 1
      found.mature = found.mature + (usual.is_mature and 1 or 0)
    end

    found.list[i] = listed(place, usual)
    for _, drift in ipairs(usual.drifts or {}) do
      found.drifts[drift.metric] = (found.drifts[drift.metric] or 0) + 1
    end
  end

  return found
end


local function known()
  local now = ngx.now()
  if elapsed(read_s, KEPT_S, now) then
    places, read_s = read(), now
  end

  return places
end


-- What is usual on a route: { per_s, error_ratio, …, learned_s, is_mature }; nil where nothing was learned.
function _M.of(workspace, route)
  return known().routes[key_of(workspace, route)]
end


-- Lists routes and consumers with what is usual of them. workspace: nil for all.
function _M.list(workspace)
  local list = {}
  for _, place in ipairs(known().list) do
    list[#list + 1] = (workspace == nil or place.workspace == workspace) and place or nil
  end

  return list
end


-- How many changes for good were told within 30 days, by metric: one of METRICS.
function _M.drifts()
  return known().drifts
end


-- How much is known: { routes, mature_routes, consumers, drifts }.
function _M.summary()
  local all = known()
  local drifts = 0
  for _, count in pairs(all.drifts) do
    drifts = drifts + count
  end

  return { routes = all.count, mature_routes = all.mature, consumers = all.consumers, drifts = drifts }
end


return _M
