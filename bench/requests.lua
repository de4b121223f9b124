-- What wrk sends, and how it tells what came of it. SCENARIO names one of those below; with "@5000" behind
-- its name so many requests are sent per second, by CONNECTIONS connections that each wait at random.

local HEADERS = {
  ["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36",
  ["Accept"] = "application/json",
  ["Accept-Encoding"] = "gzip, deflate, br",
  ["Accept-Language"] = "en-US,en;q=0.9",
  ["Authorization"] = "Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
  ["Referer"] = "https://app.example.com/dashboard?tab=orders",
  ["Cookie"] = "sid=9f8b7c6d5e4f3a2b1c0d; theme=dark; consent=yes",
  ["X-Request-Id"] = "4f1c9e4b-7c1d-4b6a-9d55-0c6a1b2f3e4d",
  ["Cache-Control"] = "no-cache",
}

local CLIENTS = 131072

local QUERY = "id0=104729&since1=2024-05-17T10%3A20%3A30Z&q2=blue+running+shoes&sort3=price.asc&page=2&size=50&lang=en"


-- A JSON document of just the wanted size: a list of orders, as APIs exchange them.
local function json(bytes)
  local items, size = {}, #'{"items":[],"pad":""}'
  while true do
    local n = #items
    local item = string.format(
      '{"id":%d,"sku":"SKU-%05d","name":"Running shoe, blue","price":%d.95,"created_at":"2024-05-17T10:20:30Z",'
      .. '"tags":["sport","summer"],"note":"Customer\'s second order, ship it together"}', 104729 * (n + 1), n, n % 100)
    if size + #item + 1 > bytes then
      break
    end
    items[n + 1] = item
    size = size + #item + 1
  end

  local text = '{"items":[' .. table.concat(items, ",") .. '],"pad":""}'
  return (text:gsub('""}$', '"' .. ("x"):rep(bytes - #text) .. '"}'))
end


local SCENARIOS = {
  ["get-100b"] = { "GET", "/v1/orders/42?" .. QUERY },
  ["post-2kb"] = { "POST", "/v1/orders", json(2048) },
  ["post-8kb"] = { "POST", "/v1/orders", json(8192) },
}

local name, rate = assert(os.getenv("SCENARIO"), "SCENARIO is missing"):match("^([^@]+)@?(%d*)$")
local scenario = assert(SCENARIOS[name], "SCENARIO is get-100b, post-2kb or post-8kb, with @RATE or without")


-- Pauses of exponential length make the arrivals nearly a Poisson process: an answer takes a hundredth
-- of a pause. Units: milliseconds.
if rate ~= "" then
  local mean_ms = 1000 * assert(tonumber(os.getenv("CONNECTIONS")), "CONNECTIONS is missing") / rate
  delay = function()
    return math.floor(-mean_ms * math.log(1 - math.random()) + 0.5)
  end
end


function init()
  if scenario[3] then
    HEADERS["Content-Type"] = "application/json"
  end
  HEADERS["Host"] = "api.example.com"
  -- So many clients that none is a flood: the gateways take the address from this header.
  HEADERS["X-Forwarded-For"] = "ADDRESS"
  local rendered = wrk.format(scenario[1], scenario[2], HEADERS, scenario[3])
  local before, after = rendered:match("^(.-)ADDRESS(.*)$")
  local n = 0
  request = function()
    n = (n + 1) % CLIENTS
    return before .. "10." .. math.floor(n / 65536) .. "." .. math.floor(n / 256) % 256 .. "." .. n % 256 .. after
  end
end


-- requests, seconds, p50, p99 and p99.9 in microseconds, failed
function done(summary, latency)
  local errors = summary.errors
  io.write(string.format("RESULT %d %.3f %d %d %d %d\n", summary.requests, summary.duration / 1e6,
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
