-- The Admin API's part: all views, for whoever may reach the Admin API.

local companion = require "kong.plugins.threat-agent.companion"
local views = require "kong.plugins.threat-agent.views"


local kong = kong
local ngx = ngx


-- Who asks: Kong Enterprise's administrator, or the address.
local function asker()
  local admin = ngx.ctx.rbac and ngx.ctx.rbac.user
  return admin and admin.name or kong.client.get_ip()
end


-- Puts the view of a path in the shape of the Admin API's handlers, which have path, query and body in one: what stands
-- in the path is still encoded there, and nothing else is.
local function mount(path, view)
  return function(self)
    local params = {}
    for name in path:gmatch(":(%l+)") do
      params[name] = ngx.unescape_uri(self.params[name])
    end

    return kong.response.exit(view({
      params = params, query = self.params, body = self.params, by = asker(), workspace = views.workspace(),
    }))
  end
end


local routes = {}
for path, methods in pairs(companion.ROUTES) do
  routes[path] = methods
end
for path, methods in pairs(views.ROUTES) do
  local route = {}
  for method, view in pairs(methods) do
    route[method] = mount(path, view)
  end
  routes["/threat-agent" .. path] = route
end


return routes
