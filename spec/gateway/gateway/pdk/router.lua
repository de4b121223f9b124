-- kong.router: what the router found.


local phase = require "gateway.pdk.phase"


local router = {}


function router.get_route()
  phase.after_auth()
  return ngx.ctx.route
end


function router.get_service()
  phase.after_auth()
  return ngx.ctx.service
end


return router
