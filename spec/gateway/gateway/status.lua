-- The Status API: the node's state, and the routes of the plugins' status_api.lua files.


local http_api = require "gateway.http_api"
local node_info = require "gateway.node_info"
local plugins = require "gateway.plugins"


local CORE = {
  ["/status"] = {
    GET = function()
      return kong.response.exit(200, node_info.status())
    end,
  },
  ["/status/ready"] = {
    GET = function()
      return kong.response.exit(200, { message = "ready" })
    end,
  },
}


local compiled


local function serve()
  if not compiled then
    local routes = {}
    http_api.mount(routes, CORE)
    for _, plugin in ipairs(plugins.loaded) do
      http_api.mount(routes, http_api.plugin_routes(plugin.name, "status_api"))
    end
    compiled = routes
  end

  return http_api.serve(compiled)
end


return { serve = serve }
