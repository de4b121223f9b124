-- A node's start: the region in the master, and each worker's place in it.

local files = require "kong.plugins.threat-agent.files"
local kong_3_4 = require "kong.plugins.threat-agent.kong_3_4"
local library = require "kong.plugins.threat-agent.library"
local region = require "kong.plugins.threat-agent.region"
local self_test = require "kong.plugins.threat-agent.self_test"


local kong = kong
local ngx = ngx


local UNITS = { k = 1024, m = 1024 * 1024, g = 1024 * 1024 * 1024 }


local _M = {}


-- Reads THREAT_AGENT_SHM_SIZE (bytes, or with k, m or g); 0 for the default.
local function region_bytes()
  local text = os.getenv("THREAT_AGENT_SHM_SIZE")
  if not text or text == "" then
    return 0
  end

  local number, unit = text:match("^(%d+)([kmgKMG]?)$")
  if not number then
    return nil, "THREAT_AGENT_SHM_SIZE: expected bytes such as 64m, got \"" .. text .. "\""
  end

  return tonumber(number) * (UNITS[unit:lower()] or 1)
end


-- The user that nginx runs its workers as where the master is root. Kong leaves the directive out where its
-- default, `kong`, is no user here: then it is the one that nginx was built with.
local function workers_user()
  local config = kong.configuration
  local directive = config.nginx_main_user or config.nginx_user
  return directive and directive:match("^[^%s]+")
         or ngx.config.nginx_configure():match("%-%-user=([^%s]+)")
         or "nobody"
end


local function make_region()
  local ok, err = library.load()
  if not ok then
    return nil, err
  end

  local bytes
  bytes, err = region_bytes()
  if not bytes then
    return nil, err
  end

  ok, err = region.prepare_folder(files.folder(), workers_user())
  if not ok then
    ngx.log(ngx.WARN, "[threat-agent] ", err, "; bans and baselines will not survive a restart")
  end

  local restored
  restored, err = region.init(bytes, files.load(files.BANS))
  if err and restored then
    ngx.log(ngx.WARN, "[threat-agent] ", err, "; the node starts without its former bans")
  end

  return restored, err
end


-- Makes the region when the handler is loaded in the nginx master: there, and only there, all
-- workers can inherit it. Commands such as `kong config` load handlers elsewhere and need none.
function _M.prepare_master()
  if ngx.get_phase() ~= "init" or ngx.config.subsystem ~= "http" then
    return
  end

  local restored, err = make_region()
  if not restored then
    ngx.log(ngx.ERR, "[threat-agent] ", err, "; ", library.load() and "each worker counts alone"
            or "requests are not inspected")
  end
end


-- Takes this worker's place, and tells what became of the ones before it. Returns whether there is
-- an engine to work with. handler: the plugin's, that an old Kong does not configure.
function _M.start(handler)
  if not library.load() then
    return false
  end

  local deaths, err = region.attach()
  if not deaths then
    kong.log.err(err)
    return false
  end

  if deaths > 0 then
    kong.log.crit("a worker died inside the engine")
  end

  local node = region.node()
  if node and node.bypass then
    kong.log.alert("bypass: three workers died inside the engine within 60 s; traffic flows ",
                   "uninspected until `kong restart` with a mended library")
  end

  -- The privileged agent serves no requests.
  if ngx.worker.id() then
    self_test.run()
    kong_3_4.follow(function(confs) handler:configure(confs) end)
  end

  return true
end


return _M
