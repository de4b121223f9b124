-- The Status listener has no authentication: aggregates only, read-only.

local api = require "kong.plugins.threat-agent.api"


return {
  ["/threat-agent/status"] = api["/threat-agent/status"],
  ["/threat-agent/metrics"] = api["/threat-agent/metrics"],
}
