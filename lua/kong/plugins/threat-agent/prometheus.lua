-- Hands the node's metrics to Kong's own prometheus plugin, so that one scrape has both. Kong calls
-- nothing when it is scraped: one worker sets the values every few seconds.

local cjson = require "cjson.safe"
local metrics = require "kong.plugins.threat-agent.metrics"


local kong = kong
local ngx = ngx
local ipairs = ipairs
local min = math.min


local STEP_S = 5
local TURN = "threat-agent:prometheus"
local SEEN = "threat-agent:prometheus:"

-- Observations that are handed on at once: of more the shape is enough.
local MOST_OBSERVED = 2000

local EXPORTER = "kong.plugins.prometheus.exporter"


local _M = {}


local made


-- Registers the metrics with a prometheus plugin that is loaded and has started. Counters are gauges
-- there: Kong's can only be added to, and ours are read whole.
local function register()
  local exporter = package.loaded[EXPORTER]
  local prometheus = exporter and ngx.shared.prometheus_metrics and exporter.get_prometheus()
  if not prometheus then
    return nil
  end

  local found = {}
  for _, metric in ipairs(metrics.LIST) do
    local name, kind, help, labels = metric[1], metric[2], metric[3], metric[4]
    found[name] = kind == "histogram"
                  and prometheus:histogram("threat_agent_" .. name, help, nil, metrics.BOUNDS[name])
                  or prometheus:gauge("threat_agent_" .. name, help, labels)
  end

  return found
end


-- Kong's histograms take observations only: what came to a bucket since the last time is observed again,
-- at the middle of the bucket, so that buckets and counts are right and the sum is an estimate.
local function observe(name, value)
  local dict = ngx.shared.kong
  local seen = cjson.decode(dict:get(SEEN .. name) or "[]")
  local before, lower = 0, 0
  for i, bucket in ipairs(value.buckets) do
    local count, upper = bucket[1] - before, metrics.BOUNDS[name][i] or 2 * lower
    for _ = 1, min(count - (seen[i] or 0), MOST_OBSERVED) do
      made[name]:observe((lower + upper) / 2)
    end
    seen[i], before, lower = count, bucket[1], upper
  end

  dict:set(SEEN .. name, cjson.encode(seen))
end


local function set(name, value)
  if type(value) == "number" then
    made[name]:set(value)
  elseif value.buckets then
    observe(name, value)
  else
    for _, series in ipairs(value) do
      made[name]:set(series[1], { unpack(series, 2) })
    end
  end
end


local function export(premature)
  if premature or ngx.worker.exiting() then
    return
  end

  -- In each worker: whichever is scraped has to know the metrics' types.
  made = made or register()
  if not ngx.shared.kong:add(TURN, true, STEP_S - 0.5) then
    return
  end

  for name, value in pairs(made and metrics.read() or {}) do
    set(name, value)
  end
end


-- Starts in this worker, where the prometheus plugin is loaded at all.
function _M.start()
  if not package.loaded[EXPORTER] or ngx.worker.id() == nil then
    return
  end

  local ok, err = ngx.timer.every(STEP_S, export)
  if not ok then
    kong.log.err("could not start handing metrics to the prometheus plugin: ", err)
  end
end


return _M
