local incidents = require "kong.plugins.threat-agent.incidents"
local status = require "kong.plugins.threat-agent.status"


local kong = kong


return {
  ["/threat-agent/status"] = {
    GET = function()
      return kong.response.exit(200, status.get())
    end,
  },

  ["/threat-agent/incidents"] = {
    GET = function()
      local list, err = incidents.list()
      if not list then
        return kong.response.exit(503, { message = err })
      end

      return kong.response.exit(200, { data = list })
    end,
  },
}
