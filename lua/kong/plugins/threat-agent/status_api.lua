-- The Status listener has no authentication: aggregates only, read-only.
return require "kong.plugins.threat-agent.api"
