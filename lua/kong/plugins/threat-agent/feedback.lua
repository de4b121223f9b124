-- What operators said of incidents, and what follows from it: evidence that was called a false alarm
-- counts for less when it comes again at the same place, evidence that was confirmed for more.
--
-- Trust is bounded below and doubt expires, so that nobody blinds a detector: incidents are always
-- opened and listed, critical ones stay critical, and what never was doubted stands by itself.

local cjson = require "cjson.safe"
local files = require "kong.plugins.threat-agent.files"


local ngx = ngx
local ipairs = ipairs
local max = math.max
local pairs = pairs
local setmetatable = setmetatable


-- The leader raises it with each change, so that workers read the file only then.
local VERSION_KEY = "threat-agent:feedback"

-- Confirmations that evidence is taken to have before anybody judged it.
local PRIOR = 3
local LEAST_TRUST = 0.5
-- From here on an incident is told one severity lower.
local DEMOTING_TRUST = 0.6
local DEMOTED = { high = "medium", medium = "low" }

-- Evidence that is listed; the rest counts all the same.
local MOST_RULES = 64
local LONGEST_RULE = 100


local _M = {
  VERSION_KEY = VERSION_KEY,
  EXPIRES_S = 30 * 86400,
  MOST = 1000,
  VERDICTS = { attack = true, false_alarm = true },
}


local entries, version = {}, nil        -- as the file has them
local valid, looked_s = {}, 0           -- those that hold, and when that was looked at


-- Lists what operators said, oldest first, without what expired. It is shared and must not be changed.
function _M.list()
  local now_version, now = ngx.shared.kong:get(VERSION_KEY) or 0, ngx.time()
  if version == now_version and now == looked_s then
    return valid
  elseif version ~= now_version then
    entries = cjson.decode(files.load(files.FEEDBACK) or "[]") or {}
    version = now_version
  end

  local since_s = now - _M.EXPIRES_S
  valid, looked_s = setmetatable({}, cjson.array_mt), now
  for _, entry in ipairs(entries) do
    if entry.at_s >= since_s then
      valid[#valid + 1] = entry
    end
  end

  return valid
end


-- Names the kind of evidence that a reason gives: its words without numbers and names.
local function rule_of(reason)
  local rule = reason:gsub("%s*%b()", "")
                     :gsub("change of .*$", "change")
                     :gsub("from the network of .*$", "from one network")
                     :gsub("%x+%-%x+%-%x+%-%x+%-%x+", "…")
                     :gsub("%d[%d%.,]*", "N")
  return rule:sub(1, LONGEST_RULE)
end


-- The kinds of evidence of an incident.
function _M.rules_of(incident)
  local rules, seen = setmetatable({}, cjson.array_mt), {}
  for _, reason in ipairs(incident.reasons) do
    local rule = rule_of(reason)
    if not seen[rule] then
      seen[rule] = true
      rules[#rules + 1] = rule
    end
  end

  return rules
end


local function is_same_place(entry, incident)
  return entry.workspace == incident.workspace and entry.route == incident.route
         and entry.service == incident.service and entry.category == incident.category
end


-- Whether an entry is about this very incident: numbers begin anew when the gateway does.
local function is_about(entry, incident)
  return entry.incident == incident.id and entry.opened_s == incident.opened_s
end


-- How far evidence is to be trusted, from 0.5 to 1. Source: the rule of succession, with PRIOR for the
-- judgements that were not given.
local function trust(confirmed, false_alarms)
  return max(LEAST_TRUST, (PRIOR + confirmed) / (PRIOR + confirmed + false_alarms))
end


-- The evidence that is doubted least speaks for the incident. Returns the trust, and how many of its
-- like were called what.
local function trust_of(incident, list)
  local confirmed, wrong = {}, {}
  for _, entry in ipairs(list) do
    if is_same_place(entry, incident) then
      local counts = entry.verdict == "attack" and confirmed or wrong
      for _, rule in ipairs(entry.rules) do
        counts[rule] = (counts[rule] or 0) + 1
      end
    end
  end

  local best, best_rule = 0, nil
  for _, rule in ipairs(_M.rules_of(incident)) do
    local found = trust(confirmed[rule] or 0, wrong[rule] or 0)
    if found > best then
      best, best_rule = found, rule
    end
  end
  if not best_rule then
    return 1, 0, 0
  end

  return best, confirmed[best_rule] or 0, wrong[best_rule] or 0
end


-- Finds what was said of an incident; nil when nobody said anything.
function _M.of(incident)
  for _, entry in ipairs(_M.list()) do
    if is_about(entry, incident) then
      return { verdict = entry.verdict, note = entry.note, by = entry.by, at_s = entry.at_s }
    end
  end
end


-- An incident as it is judged by what operators said: `confidence` and `severity` lowered where its like
-- were false alarms (`learned` says how), `feedback` where it was judged itself. The incident itself is
-- not changed.
function _M.weigh(incident)
  local list = _M.list()
  if not list[1] then
    return incident
  end

  local said = _M.of(incident)
  local found, confirmed, wrong = trust_of(incident, list)
  if not said and confirmed + wrong == 0 then
    return incident
  end

  local copy = setmetatable({}, getmetatable(incident))
  for name, value in pairs(incident) do
    copy[name] = value
  end
  copy.feedback = said
  copy.learned = { trust = found, confirmed = confirmed, false_alarms = wrong }
  copy.confidence = incident.confidence * found
  copy.severity = found <= DEMOTING_TRUST and DEMOTED[incident.severity] or incident.severity
  return copy
end


local function count(counts, name, verdict)
  local found = counts[name]
  if not found then
    found = { name = name, confirmed = 0, false_alarms = 0 }
    counts[name] = found
    counts[#counts + 1] = found
  end

  local field = verdict == "attack" and "confirmed" or "false_alarms"
  found[field] = found[field] + 1
end


local function by_judgements(a, b)
  local one, other = a.confirmed + a.false_alarms, b.confirmed + b.false_alarms
  if one ~= other then
    return one > other
  end
  return a.name < b.name
end


local function finished(counts)
  local list = setmetatable({}, cjson.array_mt)
  table.sort(counts, by_judgements)
  for i, found in ipairs(counts) do
    if i > MOST_RULES then
      break
    end
    found.precision = found.confirmed / (found.confirmed + found.false_alarms)
    list[i] = found
  end

  return list
end


-- How often operators agreed: { categories, rules }, each a list of { name, confirmed, false_alarms,
-- precision }, those that were judged most first. workspace: nil for all.
function _M.precision(workspace)
  local categories, rules = {}, {}
  for _, entry in ipairs(_M.list()) do
    if workspace == nil or entry.workspace == workspace then
      count(categories, entry.category, entry.verdict)
      for _, rule in ipairs(entry.rules) do
        count(rules, rule, entry.verdict)
      end
    end
  end

  return { categories = finished(categories), rules = finished(rules) }
end


return _M
