-- What operators say of incidents, and how often they agreed.

local actions = require "kong.plugins.threat-agent.views.actions"
local feedback = require "kong.plugins.threat-agent.feedback"
local incidents = require "kong.plugins.threat-agent.views.incidents"
local redact = require "kong.plugins.threat-agent.redact"


local LONGEST_NOTE = 512


local _M = {}


-- Takes in whether an incident was an attack or a false alarm.
function _M.give(ask)
  local verdict, note = ask.body.verdict, ask.body.note
  if not feedback.VERDICTS[verdict] then
    return 400, { message = "verdict: expected attack or false_alarm" }
  elseif note ~= nil and (type(note) ~= "string" or #note > LONGEST_NOTE) then
    return 400, { message = "note: expected at most " .. LONGEST_NOTE .. " characters" }
  end

  local status, found = incidents.get(ask)
  if status ~= 200 then
    return status, found
  end

  local incident = found.incident
  local clients = {}
  for i, top in ipairs(incident.top_clients) do
    clients[i] = top.client
  end

  return actions.send(ask, {
    command = "feedback",
    incident = incident.id,
    opened_s = incident.opened_s,
    workspace = incident.workspace,
    service = incident.service,
    route = incident.route,
    route_name = incident.route_name,
    category = incident.category,
    title = incident.title,
    clients = clients,
    rules = feedback.rules_of(incident),
    verdict = verdict,
    note = note and note ~= "" and redact.text(note) or nil,
  })
end


-- How often operators agreed with incidents, by category and by evidence.
function _M.precision(ask)
  return 200, feedback.precision(ask.workspace)
end


return _M
