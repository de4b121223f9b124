-- Puts the PDK together in the global `kong`: the functions that the plugin uses,
-- with Kong's names, results and errors.


local base = require "resty.core.base"


-- The Kong that it stands in for; EMBEDDED_KONG_VERSION names an older one for specs.
local VERSION = os.getenv("EMBEDDED_KONG_VERSION") or "3.9.1"


local function version_num()
  local major, minor, patch = VERSION:match("^(%d+)%.(%d+)%.(%d+)$")
  return major * 1000000 + minor * 1000 + patch
end


local logs = {}


local function log_for(namespace)
  local log = logs[namespace]
  if not log then
    log = require("gateway.pdk.log").new(namespace)
    logs[namespace] = log
  end

  return log
end


-- Fills the global `kong`; `configuration` is what a plugin reads at kong.configuration.
local function install(configuration)
  local core_log = require("gateway.pdk.log").new()

  kong.version = VERSION
  kong.version_num = version_num()
  kong.configuration = configuration
  kong.default_workspace = require("gateway.workspace").ID
  kong.ctx = require("gateway.pdk.ctx").new()
  kong.client = require "gateway.pdk.client"
  kong.request = require "gateway.pdk.request"
  kong.response = require "gateway.pdk.response"
  kong.service = require "gateway.pdk.service"
  kong.router = require "gateway.pdk.router"
  kong.node = require "gateway.pdk.node"
  kong.plugin = { get_id = function() return ngx.ctx.plugin_id end }
  kong.table = {
    new = require "table.new",
    clear = require "table.clear",
  }

  setmetatable(kong, {
    __index = function(_, name)
      if name == "log" then
        return base.get_request() and ngx.ctx.KONG_LOG or core_log
      end
    end,
  })
end


-- Runs fn with kong.log in a plugin's name.
local function with_log(namespace, fn)
  if not base.get_request() then
    return fn()
  end

  local ctx = ngx.ctx
  ctx.KONG_LOG = log_for(namespace)
  fn()
  ctx.KONG_LOG = nil
end


-- Makes the request's context that of one plugin, before one of its phases.
local function enter_plugin(ctx, plugin, config)
  ctx.KONG_PLUGIN_HANDLER = plugin.handler
  ctx.KONG_LOG = log_for(plugin.name)
  ctx.plugin_id = config.__plugin_id
end


local function leave_plugin(ctx)
  ctx.KONG_LOG = nil
end


return {
  VERSION = VERSION,
  install = install,
  with_log = with_log,
  enter_plugin = enter_plugin,
  leave_plugin = leave_plugin,
}
