-- Builds what is told of an incident: the payload that deploy/incident.schema.json describes.

local cjson = require "cjson.safe"
local redact = require "kong.plugins.threat-agent.redact"
local summary = require "kong.plugins.threat-agent.notifiers.summary"


local kong = kong
local ngx = ngx
local ipairs = ipairs
local pairs = pairs
local type = type


-- Raised when a field changes its meaning or goes; new fields may come at any time.
local SCHEMA_VERSION = 1

-- Parts of an incident and of its actions that a channel can do without.
local PARTS = {
  clients = { "top_clients", "clients" },
  consumers = { "consumers", "top_senders" },
  reasons = { "reasons", "opinion" },
  references = { "sample_references" },
  suspect_change = { "suspect_change" },
}

-- Fields of an action's record that are told.
local ACTION_FIELDS = {
  "id", "action", "state", "mode", "policy", "why", "ttl_s", "created_s", "expires_s", "result", "tier", "approved_by",
  "clients",
}


local OMITTED = "[omitted]"

-- Fields without which an incident is none; they name nobody.
local ALWAYS = {
  id = true, category = true, status = true, severity = true, title = true, opened_s = true, updated_s = true,
  resolved_s = true,
}


local _M = {}


-- A copy with all texts masked, and without nulls.
local function masked(value, names)
  if type(value) == "string" then
    return redact.text(value, names)
  elseif type(value) ~= "table" then
    return value
  end

  local copy = setmetatable({}, getmetatable(value))
  for key, item in pairs(value) do
    if item ~= ngx.null then
      copy[key] = masked(item, names)
    end
  end

  return copy
end


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
    if record.state == "active" or record.state == "pending" then
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
  event.incident = masked(incident, settings.redact)
  event.actions = masked(actions_of(records), settings.redact)
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
  event.digest = { count = digest.count, incidents = masked(digest.incidents, settings.redact) }
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


local function summary_of_drifts(told, count)
  local others = count - (told[1] and 1 or 0)
  return "Normal has changed" .. (told[1] and ": " .. told[1].summary or "")
         .. (others > 0 and (told[1] and "; and " or ": ") .. others .. (told[1] and " more" or " of consumers") or "")
end


-- What is normal has changed for good in places: { workspace, service, route, metric, what, from, to, at_s,
-- summary }. most: how many are told one by one. It asks for nothing, so nothing stays open.
function _M.of_drifts(list, most, conf)
  local event = base_of("drift", kong.node.get_id() .. "-drift-" .. list[1].at_s, conf)
  local told = setmetatable({}, cjson.array_mt)
  for i = 1, math.min(#list, most) do
    told[i] = masked(list[i], conf.notifications.redact)
  end

  event.status = "resolved"
  event.severity = "low"
  event.drifts = { count = #list, data = told }
  event.links = links_of(conf.notifications.dashboard_url)
  event.summary = summary_of_drifts(told, #list)
  return event
end


-- A line of the ledger, for channels that get all of them.
function _M.of_ledger(line, conf)
  local event = base_of("ledger", "ledger-" .. line.hash, conf)
  event.status = "open"
  event.ledger = masked({ hash = line.hash, previous = line.previous, entry = line.entry }, conf.notifications.redact)
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


local function copy_of(event)
  local copy = {}
  for name, value in pairs(event) do
    copy[name] = value
  end

  return copy
end


-- What texts call those whom a part is about.
local NAMED = {
  clients = function(incident)
    local names = {}
    for i, client in ipairs(incident.top_clients or {}) do
      names[i] = client.client
    end
    return names, "%d+%.%d+%.%d+%.%d+"
  end,

  consumers = function(incident)
    local names = {}
    for _, consumer in ipairs(incident.consumers or {}) do
      names[#names + 1] = consumer.id
      names[#names + 1] = consumer.name
    end
    return names
  end,
}


local function without(text, names, pattern)
  if type(text) ~= "string" then
    return text
  end

  for _, name in ipairs(names) do
    text = text:gsub(name:gsub("%p", "%%%0"), OMITTED)
  end
  return pattern and text:gsub(pattern, OMITTED) or text
end


-- Takes those whom a part is about out of the texts.
local function take_out_names(copy, part)
  if not NAMED[part] then
    return
  end

  local names, pattern = NAMED[part](copy.incident)
  copy.summary = without(copy.summary, names, pattern)
  copy.incident.title = without(copy.incident.title, names, pattern)
  for i, reason in ipairs(copy.incident.reasons or {}) do
    copy.incident.reasons[i] = without(reason, names, pattern)
  end
  for _, action in ipairs(copy.actions) do
    action.why = without(action.why, names, pattern)
  end
end


-- Takes parts out of an event's copy.
local function take_out(copy, parts)
  copy.incident = masked(copy.incident)
  copy.actions = masked(copy.actions)
  for _, part in ipairs(parts) do
    take_out_names(copy, part)
    for _, name in ipairs(PARTS[part]) do
      -- The number of clients stays, their addresses go.
      if type(copy.incident[name]) == "table" or name ~= "clients" then
        copy.incident[name] = nil
      end
      for _, action in ipairs(copy.actions) do
        action[name] = nil
      end
    end
  end
end


-- A line of the ledger without what it says of people.
local function without_people(event)
  local copy = copy_of(event)
  copy.ledger = masked(event.ledger)
  local action = copy.ledger.entry.action
  action.clients, action.title, action.changes = nil, nil, nil
  return copy
end


-- A digest without its titles, which may name somebody.
local function without_titles(event)
  local copy, incidents = copy_of(event), setmetatable({}, cjson.array_mt)
  for i, one in ipairs(event.digest.incidents) do
    incidents[i] = { id = one.id, severity = one.severity, category = one.category, title = one.category }
  end

  copy.digest = { count = event.digest.count, incidents = incidents }
  copy.summary = event.status == "resolved" and event.summary or event.digest.count .. " more incidents"
  return copy
end


-- Drifts without those of consumers.
local function without_consumers(event)
  local copy, told = copy_of(event), setmetatable({}, cjson.array_mt)
  for _, drift in ipairs(event.drifts.data) do
    told[#told + 1] = drift.service ~= "(consumers)" and drift or nil
  end

  copy.drifts = { count = event.drifts.count, data = told }
  copy.summary = summary_of_drifts(told, event.drifts.count)
  return copy
end


-- Leaves an incident the fields that are listed, and those without which it is none.
local function keep_only(copy, kept)
  for name in pairs(copy.incident) do
    if not (kept[name] or ALWAYS[name]) then
      copy.incident[name] = nil
    end
  end
end


-- The parts that a channel goes without: those that it omits and, where it lists what it gets, whoever
-- is not listed. Then comes the set of what it lists, or nil.
local function parts_of(channel)
  local parts = {}
  for _, part in ipairs(type(channel.omit) == "table" and channel.omit or {}) do
    parts[#parts + 1] = part
  end
  if type(channel.only) ~= "table" then
    return parts
  end

  local only = {}
  for _, name in ipairs(channel.only) do
    only[name] = true
  end
  if not only.top_clients then
    parts[#parts + 1] = "clients"
  end
  if not only.consumers then
    parts[#parts + 1] = "consumers"
  end
  return parts, only
end


-- An event as a channel or the store gets it: without what it is to go without, and in its own words.
function _M.for_channel(event, channel)
  local parts, only = parts_of(channel)
  local has_template = type(channel.template) == "string"
  if event.ledger and #parts > 0 then
    return without_people(event)
  elseif event.digest and #parts > 0 then
    return without_titles(event)
  elseif event.drifts and #parts > 0 then
    return without_consumers(event)
  end
  if not event.incident or (not has_template and #parts == 0 and not only) then
    return event
  end

  local copy = copy_of(event)
  take_out(copy, parts)
  if only then
    keep_only(copy, only)
  end
  if has_template then
    copy.summary = summary.fill(channel.template, copy)
  end
  return copy
end


return _M
