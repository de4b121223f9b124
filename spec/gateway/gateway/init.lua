-- The gateway's life: made in the master, woken in each worker.


local json = require "gateway.json"


local PRESERVED = "kong:node_id"


local gateway = {}


local function read_file(path)
  local file, err = io.open(path, "rb")
  if not file then
    error("could not read a file: " .. err)
  end

  local text = file:read("*a")
  file:close()
  return text
end


-- Kong empties its own dictionary at each start and reload, save for the node's id.
local function reset_shared()
  local dict = ngx.shared.kong
  local node_id = dict:get(PRESERVED)
  dict:flush_all()
  if node_id then
    dict:set(PRESERVED, node_id)
  end
end


local function load_document(path)
  local declarative = require "gateway.declarative"
  local document, err = declarative.decode(read_file(path))
  if not document then
    error("error parsing declarative config file " .. path .. ":\n" .. err)
  end

  local db, errors = declarative.flatten(document)
  if not db then
    error("error parsing declarative config file " .. path .. ":\n" .. require("pl.pretty").write(errors))
  end

  return db
end


-- Runs in the master: loads the plugins and the configuration, raises when either is bad.
-- Shape: the file holds JSON { configuration, plugins = "bundled,threat-agent", config_path }.
function gateway.init(settings_path)
  json.install()
  reset_shared()

  local options = assert(json.decode(read_file(settings_path)))

  _G.kong = {}
  require("gateway.pdk").install(options.configuration)
  kong.db = require("gateway.db").new()
  require("gateway.plugins").load(options.plugins)

  assert(require("gateway.store").save(load_document(options.config_path)))

  for name, phase in pairs(require "gateway.phases") do
    gateway[name] = phase
  end
end


-- Runs in each worker: the plugins' init_worker, then their configure.
function gateway.init_worker()
  local pdk = require "gateway.pdk"
  local runtime = require "gateway.runtime"

  ngx.ctx.KONG_PHASE = "init_worker"
  math.randomseed(ngx.worker.pid() + ngx.now() * 1000)
  ngx.shared.kong:set("pids:" .. ngx.worker.id(), ngx.worker.pid())
  kong.timer = require "gateway.pdk.timer"

  runtime.load()
  for _, plugin in ipairs(require("gateway.plugins").loaded) do
    if plugin.handler.init_worker then
      pdk.with_log(plugin.name, function()
        local ok, err = pcall(plugin.handler.init_worker, plugin.handler)
        if not ok then
          ngx.log(ngx.ERR, 'failed to execute the "init_worker" handler for plugin "', plugin.name, '": ', err)
        end
      end)
    end
  end

  runtime.configure(pdk)
  runtime.watch(pdk)
end


function gateway.admin()
  return require("gateway.admin").serve()
end


function gateway.status()
  return require("gateway.status").serve()
end


return gateway
