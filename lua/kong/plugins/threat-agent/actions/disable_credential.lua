-- Refuses single credentials on the incident's route or service, on every node: the other credentials of
-- the same consumers go on.
--
-- Kong knows no disabled credential, and one that is deleted comes back only for who has kept its secret. So
-- Kong's post-function, which runs once the credential is known, refuses it by its id: no secret is read, and
-- taking it back is deleting the plugin.

local effect = require "kong.plugins.threat-agent.effect"
local plugins = require "kong.plugins.threat-agent.actions.plugins"
local senders = require "kong.plugins.threat-agent.senders"
local templates = require "kong.plugins.threat-agent.actions.templates"


local _M = {}


function _M.plan(record, incident, step, client)
  local credentials = senders.suspects(incident, "credential", step.suspicion)
  if #credentials == 0 then
    return nil, "no credential is suspected enough"
  end

  local code, err = templates.refuse_credentials(credentials)
  if not code then
    return nil, err
  end

  record.by = "credential"
  record.clients = credentials
  record.touches_ratio = effect.others_ratio(record, incident.top_clients)
  return plugins.plan_code(record, step, client, "post-function", code)
end


return _M
