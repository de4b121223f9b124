-- Which incidents the language model is asked about, and when: one at a time, within a budget, beside the
-- agent's loop, which waits for nobody.

local baselines = require "kong.plugins.threat-agent.baselines"
local discretion = require "kong.plugins.threat-agent.agent.discretion"
local elapsed = require "kong.plugins.threat-agent.elapsed"
local events = require "kong.plugins.threat-agent.agent.events"
local llm = require "kong.plugins.threat-agent.llm"
local opinions = require "kong.plugins.threat-agent.opinions"
local tally = require "kong.plugins.threat-agent.tally"
local vocabulary = require "kong.plugins.threat-agent.vocabulary"


local kong = kong
local ngx = ngx
local ipairs = ipairs
local next = next
local pairs = pairs


-- An incident is left so long to show what it is. Units: seconds.
local SETTLE_S = 5
local MOST_TRIES = 3
local FIRST_RETRY_S = 15
local HOUR_S = 3600

local RANKS = vocabulary.SEVERITY_RANKS

-- Who is behind it is not the model's to know.
local DISCREET = { omit = { "clients", "consumers", "references" } }


local _M = {}


local waiting = {}        -- id → incident
local tries = {}          -- id → { number, at_s, pause_s }
local asked_s = {}        -- when questions were asked in the last hour, oldest first
local is_asking = false
local said                -- the last error that was logged


-- Forgets what the last leader knew; opinions that it wrote down stand.
function _M.open()
  waiting, tries, asked_s, said = {}, {}, {}, nil
end


-- Takes in an incident that changed.
function _M.take_in(incident)
  waiting[incident.id] = incident
end


local function is_asked_about(settings, incident)
  if RANKS[incident.severity] < RANKS[settings.min_severity] then
    return false
  end

  for _, category in ipairs(settings.categories) do
    if category == incident.category then
      return true
    end
  end

  return #settings.categories == 0
end


-- Whether the last opinion was of the same thing.
local function is_answered(incident)
  local last = opinions.of(incident)
  return last ~= nil and last.of_category == incident.category
         and RANKS[last.of_severity] >= RANKS[incident.severity]
end


-- The worst incident that is to be asked about now; what needs no question is forgotten.
local function next_due(settings, now_s)
  local due
  for id, incident in pairs(waiting) do
    local try = tries[id]
    if not is_asked_about(settings, incident) or is_answered(incident) or try and try.number >= MOST_TRIES then
      waiting[id], tries[id] = nil, nil
    elseif elapsed(incident.opened_s, SETTLE_S, now_s) and (not try or elapsed(try.at_s, try.pause_s, now_s))
           and (not due or RANKS[incident.severity] > RANKS[due.severity])
    then
      due = incident
    end
  end

  return due
end


local function within_budget(settings, now_s)
  while asked_s[1] and elapsed(asked_s[1], HOUR_S, now_s) do
    table.remove(asked_s, 1)
  end

  return #asked_s < settings.per_hour
end


-- What the model is told.
local function evidence_of(incident, conf)
  local event = discretion(events.of_incident("updated", incident, {}, conf), DISCREET)
  local told = event.incident
  told.usual_on_route = baselines.of(incident.workspace, incident.route)
  told.mode = conf.mode
  return told
end


local function fail(incident, err, may_pass, now_s)
  tally.add(1, "opinion", "failed")
  if err ~= said then
    said = err
    kong.log.warn("could not ask the language model: ", err)
  end

  local number = (tries[incident.id] and tries[incident.id].number or 0) + 1
  tries[incident.id] = {
    number = may_pass and number or MOST_TRIES,
    at_s = now_s,
    pause_s = FIRST_RETRY_S * 2 ^ (number - 1),
  }
end


local function ask(incident, conf)
  local opinion, err, may_pass = llm.ask(conf.llm, evidence_of(incident, conf))
  if opinion then
    local kept
    kept, err = opinions.keep(incident, opinion, conf.llm.weight)
    if kept then
      said = nil
      tally.add(1, "opinion", "given")
      kong.log.notice("incident ", incident.id, ": the language model takes it for ", opinion.category, ", probability ",
                      opinion.probability)
      return
    end
  end

  fail(incident, err, may_pass, ngx.time())
end


-- Asks what there is to ask; on the leader, once a second. conf: the global instance's, or nil.
function _M.beat(conf, now_s)
  if not conf or not conf.llm.enabled then
    waiting, tries = {}, {}
    return
  end
  if is_asking or next(waiting) == nil then
    return
  end

  local incident = next_due(conf.llm, now_s)
  if not incident or not within_budget(conf.llm, now_s) then
    return
  end

  asked_s[#asked_s + 1] = now_s
  is_asking = true
  local ok, err = ngx.timer.at(0, function(premature)
    if not premature then
      local done, why = pcall(ask, incident, conf)
      if not done then
        fail(incident, why, false, ngx.time())
      end
    end
    is_asking = false
  end)
  if not ok then
    is_asking = false
    fail(incident, err, true, now_s)
  end
end


return _M
