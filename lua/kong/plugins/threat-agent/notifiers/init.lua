-- The registry of notifiers: one file for each kind of channel, one contract for all:
--
--   notify(channel, event, memory)
--     channel   the record of `config.notifications.channels`
--     event     what happened, as deploy/incident.schema.json has it
--     memory    a table of strings that is kept for the incident and this channel
--
-- Returns true; or nil, an error, and whether another try may succeed. It may yield and never raises.

local pcall = pcall
local tostring = tostring


local NOTIFIERS = {
  email = require "kong.plugins.threat-agent.notifiers.email",
  gateway = require "kong.plugins.threat-agent.notifiers.gateway",
  pagerduty = require "kong.plugins.threat-agent.notifiers.pagerduty",
  slack = require "kong.plugins.threat-agent.notifiers.slack",
  syslog = require "kong.plugins.threat-agent.notifiers.syslog",
  webhook = require "kong.plugins.threat-agent.notifiers.webhook",
}


local _M = {}


-- Tells one channel of an event.
function _M.notify(channel, event, memory)
  local notifier = NOTIFIERS[channel.type]
  if not notifier then
    return nil, "no notifier is called " .. tostring(channel.type), false
  end

  local called, ok, err, passes = pcall(notifier.notify, channel, event, memory)
  if not called then
    return nil, "could not notify: " .. tostring(ok), false
  end

  return ok, err, passes
end


return _M
