local status = require "kong.plugins.threat-agent.status"


local kong = kong


return {
  ["/threat-agent/status"] = {
    GET = function()
      return kong.response.exit(200, status.get())
    end,
  },
}
