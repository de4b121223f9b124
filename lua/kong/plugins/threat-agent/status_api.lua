-- The Status listener has no authentication: aggregates only, read-only; and what is signed for a
-- companion, so that data planes need not reach the Admin API.

local api = require "kong.plugins.threat-agent.api"
local companion = require "kong.plugins.threat-agent.companion"
local exchange = require "kong.plugins.threat-agent.exchange"
local status = require "kong.plugins.threat-agent.status"


local kong = kong


return {
  ["/threat-agent/status"] = {
    GET = function()
      return kong.response.exit(200, status.get())
    end,
  },
  [exchange.PATH] = companion.ROUTES[exchange.PATH],
  ["/threat-agent/metrics"] = api["/threat-agent/metrics"],
}
