-- The channels that people and records are told by. A view takes { query, by, workspace } and returns
-- a status and a body.

local notices = require "kong.plugins.threat-agent.agent.notices"
local settings = require "kong.plugins.threat-agent.settings"


local _M = {}


-- Channels are the platform's: who sees one workspace only sees none.
local function with_conf(view)
  return function(ask)
    local conf = settings.platform()
    if not conf or ask.workspace ~= nil then
      return 404, { message = "no global instance of threat-agent here" }
    end

    return view(conf, ask)
  end
end


_M.list = with_conf(function(conf)
  return 200, { data = notices.list(conf) }
end)


-- Sends a test to each channel.
_M.test = with_conf(function(conf, ask)
  return 202, { message = "Accepted: look at the channels", channels = notices.test(conf, ask.by) }
end)


return _M
