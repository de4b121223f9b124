-- Serves the status service and the dashboard on the route that it is attached to.
--
-- A plugin of its own, because it answers in `access`: Kong passes over every plugin that would come
-- after an answer, and none of the operator's (authentication, acl, ip-restriction, rate limits) may be
-- passed over here.

local entrance = require "kong.plugins.threat-agent-dashboard.entrance"
local library = require "kong.plugins.threat-agent.library"
local service = require "kong.plugins.threat-agent-dashboard.service"


local kong = kong


local Dashboard = {
  -- After everything that may refuse a request; request-termination is 2.
  PRIORITY = 1,
  VERSION = library.VERSION,
}


function Dashboard:access(conf)
  local who, status, message = entrance.check(conf)
  if not who then
    return kong.response.exit(status, { message = message }, service.HEADERS)
  end

  return kong.response.exit(service.answer(who))
end


return Dashboard
