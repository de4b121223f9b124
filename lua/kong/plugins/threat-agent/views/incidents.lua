-- Incidents: listed, one by one, and by the references that refused clients were given.

local action_list = require "kong.plugins.threat-agent.action_list"
local cjson = require "cjson.safe"
local incidents = require "kong.plugins.threat-agent.incidents"
local judged = require "kong.plugins.threat-agent.judged"
local paging = require "kong.plugins.threat-agent.views.paging"
local vocabulary = require "kong.plugins.threat-agent.vocabulary"


local setmetatable = setmetatable


-- What `status` may ask for: an incident that was updated is open still.
local STATUSES = {
  open = { open = true, updated = true },
  resolved = { resolved = true },
}

local SEVERITIES = vocabulary.SEVERITY_RANKS


local _M = {}


-- Tells whether who asks may see what belongs to a workspace.
local function may_see(ask, workspace)
  return ask.workspace == nil or ask.workspace == workspace
end


local function all_of(ask)
  local list, err = incidents.list()
  if not list then
    return nil, err
  end

  local own = setmetatable({}, cjson.array_mt)
  for _, incident in ipairs(list) do
    if may_see(ask, incident.workspace) then
      own[#own + 1] = judged(incident)
    end
  end

  return own
end


local function actions_of(id)
  local found = setmetatable({}, cjson.array_mt)
  for _, record in ipairs(action_list.list()) do
    if record.incident == id then
      found[#found + 1] = record
    end
  end

  return found
end


local function filtered(list, query)
  local statuses = STATUSES[query.status]
  local found = setmetatable({}, cjson.array_mt)
  for _, incident in ipairs(list) do
    if (not statuses or statuses[incident.status])
       and (not query.category or incident.category == query.category)
       and (not query.severity or incident.severity == query.severity)
    then
      found[#found + 1] = incident
    end
  end

  return found
end


-- Lists incidents, the latest change first: by status, category and severity, in pages.
function _M.list(ask)
  local query = ask.query
  local asked, wrong = paging.read(query)
  if not asked then
    return 400, { message = wrong }
  elseif query.status and not STATUSES[query.status] then
    return 400, { message = "status: expected open or resolved" }
  elseif query.severity and not SEVERITIES[query.severity] then
    return 400, { message = "severity: expected low, medium, high or critical" }
  end

  local list, err = all_of(ask)
  if not list then
    return 503, { message = err }
  end

  return 200, paging.page(filtered(list, query), asked)
end


-- Shows an incident with what was done about it.
function _M.get(ask)
  local list, err = all_of(ask)
  if not list then
    return 503, { message = err }
  end

  for _, incident in ipairs(list) do
    if incident.id == ask.params.id then
      return 200, { incident = incident, actions = actions_of(incident.id) }
    end
  end

  return 404, { message = "no incident of this id is known on this node" }
end


local function mentions(incident, reference)
  if incident.id == reference then
    return true
  end

  for _, sample in ipairs(incident.sample_references) do
    if sample == reference then
      return true
    end
  end

  return false
end


-- Explains a reference: the incident that it names or was a sample of.
function _M.explain(ask)
  local reference = ask.params.reference:upper()
  local list, err = all_of(ask)
  if not list then
    return 503, { message = err }
  end

  for _, incident in ipairs(list) do
    if mentions(incident, reference) then
      return 200, {
        reference = reference,
        kind = incident.id == reference and "incident" or "request",
        incident = incident,
        actions = actions_of(incident.id),
      }
    end
  end

  return 404, {
    message = "no incident keeps this reference; the request's own verdict stands in the log, under threat_agent.incident",
    reference = reference,
  }
end


return _M
