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


-- Puts a view in the shape of the Admin API's handlers, which have path, query and body in one.
local function mount(view)
  return function(self)
    local params = {}
    for name, value in pairs(self.params) do
      params[name] = type(value) == "string" and ngx.unescape_uri(value) or value
    end

    return kong.response.exit(view({
      params = params, query = params, body = self.params, by = asker(), workspace = views.workspace(),
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
    route[method] = mount(view)
  end
  routes["/threat-agent" .. path] = route
end


return routes
