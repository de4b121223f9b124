-- The Status listener has no authentication: aggregates only, read-only.

local api = require "kong.plugins.threat-agent.api"
local status = require "kong.plugins.threat-agent.status"


local kong = kong


return {
  ["/threat-agent/status"] = {
    GET = function()
      return kong.response.exit(200, status.get())
    end,
  },
  ["/threat-agent/metrics"] = api["/threat-agent/metrics"],
}
