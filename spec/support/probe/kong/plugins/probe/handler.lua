-- A plugin for specs of the gateway itself: the request's X-Probe header says which part of
-- the PDK to try, and the answer or the log tells what came of it.


local kong = kong


local Probe = {
  PRIORITY = 1005,
  VERSION = "1.0.0",
}


local STATE = ngx.shared.probe


local function tell(...)
  local results = { n = select("#", ...), ... }
  for i = 1, results.n do
    results[i] = results[i] == nil and "nil" or results[i]
  end
  results.n = nil

  return kong.response.exit(200, { results = results })
end


local in_access = {}


function in_access.raise()
  error("the probe raised")
end


function in_access.exit()
  return kong.response.exit(429, { message = "slow down" }, { ["Retry-After"] = 7, ["X-Two"] = { "a", "b" } })
end


in_access["exit-text"] = function()
  return kong.response.exit(403, "no")
end


in_access["exit-empty"] = function()
  return kong.response.exit(403)
end


function in_access.error()
  return kong.response.error(403)
end


function in_access.request()
  local request, client = kong.request, kong.client
  return kong.response.exit(200, {
    method = request.get_method(),
    scheme = request.get_scheme(),
    host = request.get_host(),
    version = request.get_http_version(),
    path = request.get_path(),
    raw_path = request.get_raw_path(),
    raw_query = request.get_raw_query(),
    header = request.get_header("X-Several"),
    headers = request.get_headers(1000)["x-several"],
    ip = client.get_ip(),
    forwarded_ip = client.get_forwarded_ip(),
    consumer = client.get_consumer() and client.get_consumer().username or "nobody",
    route = kong.router.get_route().name,
    service = kong.router.get_service().name,
  })
end


function in_access.body()
  local limit = tonumber(kong.request.get_header("X-Limit"))
  local body, err = kong.request.get_raw_body(limit)
  return tell(body and #body, err)
end


function in_access.misuse()
  local _, wrong_phase = pcall(kong.response.get_status)
  local _, wrong_status = pcall(kong.response.exit, "x")
  local _, wrong_headers = pcall(kong.request.get_headers, 1001)
  local _, wrong_header = pcall(kong.service.request.set_header, "X-A", nil)
  local _, wrong_key = pcall(kong.log.set_serialize_value, 1, 2)
  return tell(wrong_phase, wrong_status, wrong_headers, wrong_header, wrong_key)
end


function in_access.upstream()
  kong.service.request.set_header("X-Set", "yes")
  kong.service.request.set_header("X-Number", 5)
  kong.service.request.clear_header("X-Probe")
  kong.response.set_header("X-From-Access", "kept")
end


function in_access.config(config)
  return kong.response.exit(200, {
    label = config.label,
    plugin_id = config.__plugin_id,
    get_id = kong.plugin.get_id(),
    route_id = config.route_id,
    has_words = config.words and config.words.red or false,
    optional = config.optional == nil,
    depth = config.nested.depth,
    same = STATE:get("conf:" .. ngx.worker.pid()) == tostring(config),
  })
end


function in_access.state()
  return kong.response.exit(200, {
    configured = STATE:get("configured:" .. ngx.worker.pid()),
    configs = STATE:get("configs:" .. ngx.worker.pid()),
    ticks = STATE:get("ticks"),
    node_id = kong.node.get_id(),
    prefix = kong.configuration.prefix,
    version_num = kong.version_num,
  })
end


-- What another plugin has told all plugins of this node.
function in_access.incident()
  local event = STATE:get("incident")
  return kong.response.exit(event and 200 or 404, event or {})
end


function in_access.serialize()
  kong.log.set_serialize_value("probe.deep.value", 1)
  kong.log.set_serialize_value("probe.gone", "x")
  kong.log.set_serialize_value("probe.gone", nil)
  kong.log.set_serialize_value("probe.added", "first", { mode = "add" })
  kong.log.set_serialize_value("probe.added", "second", { mode = "add" })
  kong.log.set_serialize_value("probe.replaced", "never", { mode = "replace" })
  kong.log.set_serialize_value("request.uri", "/replaced")
end


in_access["serialize-invalid"] = function()
  kong.log.set_serialize_value("probe", function() end)
end


in_access["serialize-through"] = function()
  kong.log.set_serialize_value("request.uri.deeper", 1)
end


function Probe:init_worker()
  kong.timer:named_every("probe", 0.1, function(premature)
    if not premature then
      STATE:incr("ticks", 1, 0)
    end
  end)

  if kong.worker_events then
    kong.worker_events.register(function(event)
      STATE:set("incident", event.event .. " " .. event.incident.category)
    end, "threat-agent", "incident")
  end
end


function Probe:configure(configs)
  STATE:incr("configured:" .. ngx.worker.pid(), 1, 0)
  STATE:set("configs:" .. ngx.worker.pid(), configs and #configs or "nil")
end


function Probe:rewrite()
  kong.ctx.plugin.rewritten = true
  kong.ctx.shared.rewritten = true
  if kong.request.get_header("X-Probe") == "rewrite-exit" then
    return kong.response.exit(418, { message = "in rewrite" })
  end
end


function Probe:access(config)
  local name = kong.request.get_header("X-Probe")
  local run = name and in_access[name]
  if run then
    return run(config)
  end
end


function Probe:header_filter()
  kong.response.set_header("X-Source", kong.response.get_source())
end


function Probe:log(config)
  if kong.request.get_header("X-Probe") == "serialize-invalid" then
    return
  end

  kong.log.set_serialize_value("probe_log", {
    label = config.label,
    ctx = kong.ctx.plugin.rewritten == true,
    shared = kong.ctx.shared.rewritten == true,
    status = kong.response.get_status(),
    source = kong.response.get_source(),
  })
end


return Probe
