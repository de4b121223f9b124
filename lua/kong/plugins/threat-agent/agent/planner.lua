-- From an incident to the steps that the policies have for it.

local owners = require "kong.plugins.threat-agent.owners"
local vocabulary = require "kong.plugins.threat-agent.vocabulary"


local ipairs = ipairs


local SEVERITIES = vocabulary.SEVERITY_RANKS


local _M = {}


-- An empty list is everything. An entity is named by its id or its name.
local function covers(list, id, name)
  if not list or list == ngx.null or #list == 0 then
    return true
  end

  for _, entry in ipairs(list) do
    if entry == id or entry == name then
      return true
    end
  end

  return false
end


-- Whether a list has one of the consumers that an incident names. An empty list is everything.
local function names_one(list, incident)
  if covers(list) then
    return true
  end

  for _, top in ipairs(incident.top_senders or {}) do
    if top.by == "consumer" and covers(list, owners.of("consumer", top.id)) then
      return true
    end
  end

  return false
end


-- Whether the hour of the day (UTC) is one that a policy is for; "22-6" spans midnight, and "8-8" the whole day.
local function is_in_hours(hours, now_s)
  if not hours or hours == ngx.null then
    return true
  end

  local from, to = hours:match("^(%d+)%-(%d+)$")
  from, to = tonumber(from), tonumber(to)
  local hour = math.floor(now_s / 3600) % 24
  if from < to then
    return hour >= from and hour < to
  end

  return hour >= from or hour < to
end


local function is_for(policy, incident, now_s)
  return covers(policy.categories, incident.category)
         and SEVERITIES[incident.severity] >= SEVERITIES[policy.min_severity]
         and incident.confidence >= policy.min_confidence
         and covers(policy.routes, incident.route, incident.route_name)
         and covers(policy.services, incident.service, incident.service_name)
         and names_one(policy.consumers, incident)
         and is_in_hours(policy.hours, now_s)
end


-- Finds the first policy that is for an incident. Returns nil when none is.
function _M.policy_for(policies, incident, now_s)
  for _, policy in ipairs(policies) do
    if is_for(policy, incident, now_s) then
      return policy
    end
  end
end


-- The name under which a step is taken for an incident, once: that of another policy, which is for the
-- incident since it grew graver or the hour changed, is another step.
function _M.id_of(incident, policy, number)
  return incident.id .. "-" .. policy.id .. "-" .. number
end


-- Lists the steps of a policy whose time has come: { number, step }. A step that was of no use is
-- followed by the next one at once, and not taken again. open_s: how long the incident is open; was_useless: tells that of
-- a step's number.
function _M.due(policy, open_s, was_useless)
  local due = {}
  local at_once = false
  for number, step in ipairs(policy.steps) do
    local is_useless = was_useless(number)
    if not is_useless and (at_once or open_s >= step.after_s) then
      due[#due + 1] = { number = number, step = step }
    end
    at_once = is_useless
  end

  return due
end


return _M
