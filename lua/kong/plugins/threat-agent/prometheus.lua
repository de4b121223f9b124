-- Hands the node's metrics to Kong's own prometheus plugin, so that one scrape has both. Kong calls
-- nothing when it is scraped: one worker sets the values every few seconds.

local metrics = require "kong.plugins.threat-agent.metrics"


local kong = kong
local ngx = ngx


local STEP_S = 5
local TURN = "threat-agent:prometheus"

local EXPORTER = "kong.plugins.prometheus.exporter"


local _M = {}


local gauges


-- Registers the metrics with a prometheus plugin that is loaded and has started. All are gauges,
-- counters too: Kong's can only be added to, and ours are read whole.
local function register()
  local exporter = package.loaded[EXPORTER]
  local prometheus = exporter and ngx.shared.prometheus_metrics and exporter.get_prometheus()
  if not prometheus then
    return nil
  end

  local made = {}
  for _, metric in ipairs(metrics.LIST) do
    local name, help, label = metric[1], metric[3], metric[4]
    made[name] = prometheus:gauge("threat_agent_" .. name, help, label and { label } or nil)
  end

  return made
end


local function set(gauge, value)
  if type(value) ~= "table" then
    return gauge:set(value)
  end

  for label, part in pairs(value) do
    gauge:set(part, { label })
  end
end


local function export(premature)
  if premature or ngx.worker.exiting() then
    return
  end

  -- In each worker: whichever is scraped has to know the metrics' types.
  gauges = gauges or register()
  if not ngx.shared.kong:add(TURN, true, STEP_S - 0.5) then
    return
  end

  for name, value in pairs(gauges and metrics.read() or {}) do
    if gauges[name] then
      set(gauges[name], value)
    end
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
