-- What a node tells about itself at `GET /` and `GET /status`.


local json = require "gateway.json"
local plugins = require "gateway.plugins"
local process = require "ngx.process"
local store = require "gateway.store"


local function worker_pids()
  local pids = setmetatable({}, json.array_mt)
  for id = 0, ngx.worker.count() - 1 do
    pids[id + 1] = ngx.shared.kong:get("pids:" .. id)
  end

  return pids
end


local function describe()
  local available, enabled, seen = {}, setmetatable({}, json.array_mt), {}
  for _, plugin in ipairs(plugins.loaded) do
    available[plugin.name] = { version = plugin.handler.VERSION, priority = plugin.handler.PRIORITY }
  end
  for _, entity in ipairs(store.load().plugins) do
    if not seen[entity.name] then
      seen[entity.name] = true
      enabled[#enabled + 1] = entity.name
    end
  end

  return {
    tagline = "Welcome to kong (embedded stand-in)",
    version = kong.version,
    edition = "community",
    hostname = kong.node.get_hostname(),
    node_id = kong.node.get_id(),
    lua_version = jit.version,
    timers = { running = ngx.timer.running_count(), pending = ngx.timer.pending_count() },
    plugins = { available_on_server = available, enabled_in_cluster = enabled },
    configuration = kong.configuration,
    pids = { master = process.get_master_pid(), workers = worker_pids() },
  }
end


local function status()
  local var = ngx.var
  return {
    configuration_hash = store.hash(),
    server = {
      connections_active = tonumber(var.connections_active),
      connections_reading = tonumber(var.connections_reading),
      connections_writing = tonumber(var.connections_writing),
      connections_waiting = tonumber(var.connections_waiting),
    },
    memory = {
      workers_lua_vms = setmetatable({
        { pid = ngx.worker.pid(), http_allocated_gc = ("%.2f MiB"):format(collectgarbage("count") / 1024) },
      }, json.array_mt),
    },
  }
end


return {
  describe = describe,
  status = status,
}
