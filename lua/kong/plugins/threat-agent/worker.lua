-- A node's start: the region in the master, and each worker's place in it.

local native = require "kong.plugins.threat-agent.native"


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


local function make_region()
  local ok, err = native.load()
  if not ok then
    return nil, err
  end

  local bytes
  bytes, err = region_bytes()
  if not bytes then
    return nil, err
  end

  return native.region_init(bytes)
end


-- Makes the region when the handler is loaded in the nginx master: there, and only there, all
-- workers can inherit it. Commands such as `kong config` load handlers elsewhere and need none.
function _M.prepare_master()
  if ngx.get_phase() ~= "init" or ngx.config.subsystem ~= "http" then
    return
  end

  local ok, err = make_region()
  if not ok then
    ngx.log(ngx.ERR, "[threat-agent] ", err, "; ", native.load() and "each worker counts alone"
            or "requests are not inspected")
  end
end


-- Takes this worker's place, and tells what became of the ones before it.
function _M.start()
  if not native.load() then
    return
  end

  local deaths, err = native.attach()
  if not deaths then
    kong.log.err(err)
    return
  end

  if deaths > 0 then
    kong.log.crit("a worker died inside the engine")
  end

  local node = native.node()
  if node and node.bypass then
    kong.log.alert("bypass: three workers died inside the engine within 60 s; traffic flows ",
                   "uninspected until `kong restart` with a mended library")
  end
end


return _M
