-- An event in words, as people read it: what Slack, email, PagerDuty and syslog share.

local ipairs = ipairs
local tostring = tostring
local concat = table.concat


local PREFIXES = {
  opened = "",
  updated = "Update: ",
  resolved = "Resolved: ",
  action = "Action: ",
}


local _M = {}


-- Cuts a text to a number of bytes, at a character's end.
function _M.cut(text, most)
  if #text <= most then
    return text
  end

  local last = most - 3
  while last > 0 and text:byte(last + 1) >= 0x80 and text:byte(last + 1) < 0xC0 do
    last = last - 1
  end

  return text:sub(1, last) .. "…"
end


-- Looks a path such as incident.title up in an event.
local function look_up(event, path)
  local value = event
  for name in path:gmatch("[%w_]+") do
    value = type(value) == "table" and value[name] or nil
  end

  return type(value) ~= "table" and value ~= nil and tostring(value) or ""
end


-- Fills {incident.title} and the like in; what is not there leaves nothing.
function _M.fill(template, event)
  return (template:gsub("{([%w_%.]+)}", function(path)
    return look_up(event, path)
  end))
end


-- One line. template: the channel's own, which the summary was made from, or nil.
function _M.title(event, template)
  if type(template) == "string" and event.incident then
    return event.summary
  end

  local line = (PREFIXES[event.event] or "") .. event.summary
  if not event.severity then
    return line
  end

  return "[" .. event.severity .. "] " .. line
end


-- Where it is: names before ids. nil where an event has no place.
function _M.scope(event)
  local incident = event.incident
  if not incident then
    return nil
  end

  local parts = {}
  if (incident.route or "") ~= "" then
    parts[#parts + 1] = "route " .. (incident.route_name or incident.route)
  end
  if (incident.service or "") ~= "" then
    parts[#parts + 1] = "service " .. (incident.service_name or incident.service)
  end
  return parts[1] and concat(parts, ", ") or "the whole node"
end


function _M.timestamp(at_s)
  return os.date("!%Y-%m-%dT%H:%M:%SZ", at_s)
end


local function clients_of(incident)
  local list = {}
  for _, top in ipairs(incident.top_clients or {}) do
    list[#list + 1] = top.client .. " (" .. top.suspicion .. ")"
  end

  return concat(list, ", ")
end


local function consumers_of(incident)
  local list = {}
  for _, consumer in ipairs(incident.consumers or {}) do
    list[#list + 1] = (consumer.name or "?") .. " (" .. consumer.id .. ")"
  end

  return concat(list, ", ")
end


local function opinion_of(incident)
  local opinion = incident.opinion
  if not opinion then
    return nil
  end

  local line = ("%s, probability %d %%"):format(opinion.category, opinion.probability * 100)
  for _, text in ipairs({ opinion.explanation, opinion.recommendation }) do
    line = text ~= "" and line .. "\n" .. text or line
  end

  return line
end


local function actions_of(event)
  local lines = {}
  for _, action in ipairs(event.actions or {}) do
    local line = action.action .. ": " .. action.state
    if action.ttl_s and action.ttl_s > 0 then
      line = line .. ", for " .. action.ttl_s .. " s"
    end
    if action.why then
      line = line .. " (" .. action.why .. ")"
    end
    lines[#lines + 1] = "• " .. line
  end

  return concat(lines, "\n")
end


local function incidents_of(event)
  local lines = {}
  for _, one in ipairs(event.digest and event.digest.incidents or {}) do
    lines[#lines + 1] = "• [" .. one.severity .. "] " .. one.title .. " (" .. one.id .. ")"
  end

  return concat(lines, "\n")
end


local function drifts_of(event)
  local lines = {}
  for _, drift in ipairs(event.drifts and event.drifts.data or {}) do
    lines[#lines + 1] = "• " .. drift.summary
  end

  return concat(lines, "\n")
end


-- What is known, as a list of { name, value, long }, without what is empty.
function _M.facts(event)
  local facts = {}
  local function add(name, value, long)
    if value ~= nil and value ~= "" then
      facts[#facts + 1] = { name = name, value = tostring(value), long = long }
    end
  end

  local incident = event.incident
  if incident then
    add("Category", incident.category)
    add("Severity", incident.severity)
    add("Where", _M.scope(event))
    add("Mode", event.mode == "enforce" and "enforce" or "monitor (nothing is refused)")
    add("Requests", incident.requests .. ", " .. incident.refused .. " refused")
    add("Clients", incident.clients)
    add("Consumers", consumers_of(incident))
    add("Incident", incident.id)
    add("Suspected clients", clients_of(incident), true)
    add("Evidence", concat(incident.reasons or {}, "\n"), true)
    add("Suspected change", incident.suspect_change, true)
    add("A language model's opinion", opinion_of(incident), true)
  end
  add("Actions", actions_of(event), true)
  add("Incidents", incidents_of(event), true)
  add("What has changed", drifts_of(event), true)
  return facts
end


-- Links, as a list of { text, url }. They open pages; nothing happens by following one.
function _M.links(event)
  local links = event.links or {}
  local list = {}
  for _, link in ipairs({ { "Incident", links.incident }, { "Undo", links.undo }, { "False alarm?", links.feedback } }) do
    if link[2] then
      list[#list + 1] = { text = link[1], url = link[2] }
    end
  end

  return list
end


-- Who says it, and when.
function _M.footer(event)
  return "threat-agent on node " .. event.node .. ", " .. _M.timestamp(event.at_s) .. ", mode " .. event.mode
end


-- All of it as plain text.
function _M.plain(event, template)
  local lines = { _M.title(event, template), "" }
  for _, fact in ipairs(_M.facts(event)) do
    lines[#lines + 1] = fact.name .. ": " .. (fact.long and "\n  " .. fact.value:gsub("\n", "\n  ") or fact.value)
  end
  lines[#lines + 1] = ""
  for _, link in ipairs(_M.links(event)) do
    lines[#lines + 1] = link.text .. ": " .. link.url
  end
  lines[#lines + 1] = _M.footer(event)
  return concat(lines, "\n")
end


-- What has changed for good, in a line. told: the drifts that are told one by one; count: of all.
function _M.of_drifts(told, count)
  local others = count - (told[1] and 1 or 0)
  return "Normal has changed" .. (told[1] and ": " .. told[1].summary or "")
         .. (others > 0 and (told[1] and "; and " or ": ") .. others .. (told[1] and " more" or " of consumers") or "")
end


return _M
