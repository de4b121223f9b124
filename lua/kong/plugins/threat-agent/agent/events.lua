-- Builds what is told of an incident: the payload that deploy/incident.schema.json describes.

local cjson = require "cjson.safe"
local redact = require "kong.plugins.threat-agent.redact"
local vocabulary = require "kong.plugins.threat-agent.vocabulary"
local summary = require "kong.plugins.threat-agent.notifiers.summary"


local kong = kong
local ngx = ngx
local ipairs = ipairs


-- Raised when a field changes its meaning or goes; new fields may come at any time.
local SCHEMA_VERSION = 1

-- Fields of an action's record that are told.
local ACTION_FIELDS = {
  "id", "action", "state", "mode", "policy", "why", "ttl_s", "created_s", "expires_s", "result", "tier", "approved_by",
  "clients",
}


local _M = {}


local function actions_of(records)
  local list = setmetatable({}, cjson.array_mt)
  for i, record in ipairs(records or {}) do
    list[i] = {}
    for _, name in ipairs(ACTION_FIELDS) do
      list[i][name] = record[name]
    end
  end

  return list
end


-- Where pages of the dashboard are. Following a link does nothing: what undoes is a button there.
local function links_of(base, incident, records)
  if not base or base == ngx.null then
    return nil
  end

  local links = { dashboard = base }
  if incident then
    links.incident = base .. "#incident/" .. incident.id
    links.feedback = base .. "#feedback/" .. incident.id
  end
  for _, record in ipairs(records or {}) do
    if vocabulary.REVERTIBLE[record.state] or record.state == "pending" then
      links.undo = links.incident
    end
  end

  return links
end


local function base_of(kind, id, conf)
  return {
    schema_version = SCHEMA_VERSION,
    id = id,
    event = kind,
    at_s = ngx.time(),
    node = kong.node.get_id(),
    mode = conf.mode,
  }
end


-- What is done about an incident, as a part of ids.
local function states_of(incident, records)
  local states = ""
  for _, record in ipairs(records) do
    states = states .. "-" .. record.id:sub(#incident.id + 2) .. "." .. record.state
  end
  return states
end


-- What tells one message on an incident from the next: the same change has the same id.
local function id_of(kind, incident, records)
  local id = incident.id .. "-" .. kind
  if kind == "opened" or kind == "resolved" then
    return id
  elseif kind == "updated" then
    return id .. "-" .. incident.updated_s
  end

  return id .. states_of(incident, records)
end


-- An event on an incident. kind: opened, updated, resolved or action.
function _M.of_incident(kind, incident, records, conf)
  local settings = conf.notifications
  local event = base_of(kind, id_of(kind, incident, records), conf)
  event.status = incident.status == "resolved" and "resolved" or "open"
  event.severity = incident.severity
  event.incident = redact.copy(incident, settings.redact)
  event.actions = redact.copy(actions_of(records), settings.redact)
  event.links = links_of(settings.dashboard_url, incident, records)
  event.summary = event.incident.title
  return event
end


-- An event on an incident as it stands, for streams, which get every change. at_s: of the incident's latest change;
-- judgement: what tells how it is judged from how it was.
function _M.of_change(incident, records, at_s, judgement, conf)
  local kind = incident.status == "open" and "opened" or incident.status
  local event = _M.of_incident(kind, incident, records, conf)
  event.id = event.id .. "-" .. at_s .. judgement .. states_of(incident, records)
  return event
end


-- One message for incidents that had no message of their own. digest: { number, count, incidents, severity };
-- over: whether they are all resolved.
function _M.of_digest(digest, over, conf)
  local settings = conf.notifications
  local event = base_of("digest", kong.node.get_id() .. "-digest-" .. digest.number .. (over and "-resolved" or ""), conf)
  event.status = over and "resolved" or "open"
  event.severity = digest.severity
  event.digest = { count = digest.count, incidents = redact.copy(digest.incidents, settings.redact) }
  event.links = links_of(settings.dashboard_url)

  if over then
    event.summary = "All incidents of the digests are resolved"
    return event
  end

  local titles = {}
  for i, one in ipairs(event.digest.incidents) do
    titles[i] = i <= 3 and one.title or nil
  end
  event.summary = digest.count .. (digest.count == 1 and " more incident: " or " more incidents: ")
                  .. table.concat(titles, "; ") .. (digest.count > #titles and " …" or "")
  return event
end


-- What is normal has changed for good in places: { workspace, service, route, metric, what, from, to, at_s,
-- summary }. most: how many are told one by one. It asks for nothing, so nothing stays open.
function _M.of_drifts(list, most, conf)
  local event = base_of("drift", kong.node.get_id() .. "-drift-" .. list[1].at_s, conf)
  local told = setmetatable({}, cjson.array_mt)
  for i = 1, math.min(#list, most) do
    told[i] = redact.copy(list[i], conf.notifications.redact)
  end

  event.status = "resolved"
  event.severity = "low"
  event.drifts = { count = #list, data = told }
  event.links = links_of(conf.notifications.dashboard_url)
  event.summary = summary.of_drifts(told, #list)
  return event
end


-- A line of the ledger, for channels that get all of them.
function _M.of_ledger(line, conf)
  local event = base_of("ledger", "ledger-" .. line.hash, conf)
  event.status = "open"
  event.ledger = redact.copy({ hash = line.hash, previous = line.previous, entry = line.entry }, conf.notifications.redact)
  event.summary = "Action " .. line.entry.action.id .. " " .. line.entry.event
  return event
end


-- The head of the ledger, signed where there is a key. The summary holds it for channels of text.
function _M.of_head(said, conf)
  local event = base_of("ledger.head", "ledger-head-" .. said.head, conf)
  event.status = "resolved"
  event.ledger_head = said
  event.summary = "Head of the ledger: " .. said.head
  return event
end


-- A message that asks nothing of anyone.
function _M.of_test(by, conf)
  local event = base_of("test", "test-" .. kong.node.get_id() .. "-" .. ngx.now() * 1000, conf)
  event.status = "resolved"
  event.summary = "This is a test, asked for by " .. by .. ": the channel works"
  event.links = links_of(conf.notifications.dashboard_url)
  return event
end


return _M
