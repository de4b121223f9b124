-- Kong 3.4 has no phase `configure`: what that would be given is looked up where Kong keeps it, in each worker, so that
-- what works without requests has its orders, too.
-- Source: Kong 3.4's kong/runloop/plugins_iterator.lua.

local kong = kong
local ngx = ngx
local pairs = pairs
local pcall = pcall
local type = type


local NAME = "threat-agent"
-- Kong has the phase from here on.
local CONFIGURE_SINCE = 3005000
local LOOK_S = 0.2


local _M = {}


local runloop   -- Kong's module
local seen      -- the iterator that was read last: Kong makes another one when plugins change


-- Lists the confs that requests are given, with the workspace that Kong says itself from 3.5 on.
local function confs_of(iterator)
  local found = {}
  for workspace, held in pairs(iterator.ws) do
    for _, conf in pairs(held.combos[NAME] or {}) do
      conf.__ws_id = workspace
      found[#found + 1] = kong.vault.update(conf)
    end
  end

  return found
end


local function look(premature, take_in)
  if premature then
    return
  end

  local iterator = runloop.get_plugins_iterator()
  if iterator == seen then
    return
  end

  seen = iterator
  local ok, found = pcall(confs_of, iterator)
  if ok then
    take_in(found)
  else
    kong.log.err("could not look the configuration up, so that it counts from the first request on: ", found)
  end
end


-- A node without traffic of its own is not configured, as in later Kongs.
local function is_told()
  local config = kong.configuration
  return kong.version_num >= CONFIGURE_SINCE or config.role == "control_plane"
         or type(config.proxy_listeners) == "table" and #config.proxy_listeners == 0
end


-- Calls take_in with all confs there are now, and whenever they have changed. Nothing where Kong tells them itself.
function _M.follow(take_in)
  if is_told() then
    return
  end

  local ok, module = pcall(require, "kong.runloop.handler")
  if not ok or type(module.get_plugins_iterator) ~= "function" then
    kong.log.warn("could not find Kong's list of plugins: each worker learns of its instances from requests")
    return
  end

  runloop = module
  local started, err = ngx.timer.at(0, look, take_in)
  if started then
    started, err = ngx.timer.every(LOOK_S, look, take_in)
  end
  if not started then
    kong.log.err("could not start to follow the configuration: ", err)
  end
end


return _M
