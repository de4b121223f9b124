-- To Kong's own log plugins: an authenticated request to a route of this gateway, in whose record
-- the event then stands (`audit.lua`). Log plugins see requests only, and incidents are born in timers.

local webhook = require "kong.plugins.threat-agent.notifiers.webhook"


return { notify = webhook.notify }
