-- An event as a channel or the store gets it: without what that is to go without, and in its own words.

local cjson = require "cjson.safe"
local redact = require "kong.plugins.threat-agent.redact"
local summary = require "kong.plugins.threat-agent.notifiers.summary"
local vocabulary = require "kong.plugins.threat-agent.vocabulary"


local ipairs = ipairs
local pairs = pairs
local type = type


-- Parts of an incident and of its actions that a channel can do without.
local PARTS = {
  clients = { "top_clients", "clients" },
  consumers = { "consumers", "top_senders" },
  reasons = { "reasons", "opinion" },
  references = { "sample_references" },
  suspect_change = { "suspect_change" },
}

local OMITTED = "[omitted]"

-- Fields without which an incident is none; they name nobody.
local ALWAYS = {
  id = true, category = true, status = true, severity = true, title = true, opened_s = true, updated_s = true,
  resolved_s = true,
}


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
  copy.incident = redact.copy(copy.incident)
  copy.actions = redact.copy(copy.actions)
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
  copy.ledger = redact.copy(event.ledger)
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
    told[#told + 1] = drift.service ~= vocabulary.CONSUMERS and drift or nil
  end

  copy.drifts = { count = event.drifts.count, data = told }
  copy.summary = summary.of_drifts(told, event.drifts.count)
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


return function(event, channel)
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
