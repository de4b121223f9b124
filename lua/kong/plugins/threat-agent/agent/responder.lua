-- From incidents to actions: which step of which policy is due.
--
-- What changes entities waits for the Admin API, and so has a beat of its own: what is done in memory, and what
-- operators ask for, never waits for it.

local elapsed = require "kong.plugins.threat-agent.elapsed"
local follower = require "kong.plugins.threat-agent.agent.follower"
local journal = require "kong.plugins.threat-agent.agent.journal"
local judged = require "kong.plugins.threat-agent.judged"
local ledger = require "kong.plugins.threat-agent.agent.ledger"
local orders = require "kong.plugins.threat-agent.agent.orders"
local outcomes = require "kong.plugins.threat-agent.agent.outcomes"
local planner = require "kong.plugins.threat-agent.agent.planner"
local proposals = require "kong.plugins.threat-agent.agent.proposals"
local settings = require "kong.plugins.threat-agent.settings"
local unsettled = require "kong.plugins.threat-agent.agent.unsettled"
local vocabulary = require "kong.plugins.threat-agent.vocabulary"


local kong = kong
local ngx = ngx
local ipairs = ipairs
local pairs = pairs
local pcall = pcall


local IN_MEMORY = {}
for _, name in ipairs(vocabulary.IN_MEMORY) do
  IN_MEMORY[name] = true
end


-- Between two lines of the log that say the same of an incident. Units: seconds.
local SAID_S = 60


local _M = {}


local incidents = {}      -- id → the incident as it stands, while it is open
local since_s = {}        -- id → since when it is open, as far as the clock tells
local said_s = {}         -- id → when it was said that it cannot be responded to


-- Keeps an incident in view as long as it is open.
function _M.take_in(incident)
  incidents[incident.id] = incident.status ~= "resolved" and incident or nil
  if not incidents[incident.id] then
    since_s[incident.id], said_s[incident.id] = nil, nil
    proposals.forget(incident.id)
  end
end


-- Takes up where the last leader stopped. Returns nil and an error where its records are lost.
function _M.open()
  incidents, since_s, said_s = {}, {}, {}
  ledger.open()
  -- A step of an open incident is taken once: its record says so.
  journal.keep(function(record)
    return incidents[record.incident] ~= nil
  end)
  local ok, err = journal.load()
  unsettled.take_over()
  return ok, err
end


-- Whether an incident is to be responded to, by the instance that holds. While a plan waits for the Admin API it may be
-- over or called a false alarm, and the configuration another one.
local function is_wanted(id, conf)
  local known = incidents[id]
  local feedback = known and judged(known).feedback
  return known ~= nil and conf.response.enabled and conf == settings.platform()
         and not (feedback and feedback.verdict == "false_alarm")
end


-- How long an incident is open. Where the clock was set back behind its beginning it is open since then: no step is due
-- sooner for it, and none waits until the clock is there again.
local function open_for(incident, now)
  local since = math.min(since_s[incident.id] or incident.opened_s, now)
  since_s[incident.id] = since
  return now - since
end


local function propose_for(id, known, conf, is_remote)
  local function wanted()
    return is_wanted(id, conf)
  end

  local now = ngx.time()
  local incident = judged(known)
  local policy = wanted() and planner.policy_for(conf.response.policies, incident, now)
  local function was_useless(number)
    local record = journal.get(planner.id_of(incident, policy, number))
    if not record then
      return outcomes.was_useless_before(incident, policy, number)
    end

    -- One that could not be carried out (an outage, another node that was sooner) says nothing of its use.
    return record.result == "none" or record.result == "harmful"
  end

  for _, due in ipairs(policy and planner.due(policy, open_for(incident, now), was_useless) or {}) do
    if (IN_MEMORY[due.step.action] == nil) == is_remote then
      proposals.propose(incident, policy, due.number, due.step, conf, wanted)
    end
  end
end


local function say(id, err)
  local now = ngx.time()
  if elapsed(said_s[id] or 0, SAID_S, now) then
    said_s[id] = now
    kong.log.err("could not respond to incident ", id, ": ", err)
  end
end


-- Takes the steps that are due, by the instance that holds now; one that cannot be taken holds up no other.
local function propose(conf, is_remote)
  -- While one is waited for others open and end.
  local open = {}
  for id, known in pairs(incidents) do
    open[id] = known
  end
  for id, known in pairs(open) do
    local ok, err = pcall(propose_for, id, known, conf, is_remote)
    if not ok then
      say(id, err)
    end
  end
end


-- Does what is due in memory; on the leader, once a second. conf: the platform's instance, or the last there was;
-- where it is switched off or gone, what stands still comes to its end.
function _M.beat(conf)
  orders.obey(conf)
  follower.follow(conf, false)
  propose(conf, false)
end


-- Does what is due of entities; it may wait for the Admin API.
function _M.reach_out(conf)
  orders.answer(conf)
  follower.follow(conf, true)
  propose(conf, true)
end


return _M
