-- From incidents to actions: which step of which policy is due.

local journal = require "kong.plugins.threat-agent.agent.journal"
local judged = require "kong.plugins.threat-agent.judged"
local ledger = require "kong.plugins.threat-agent.agent.ledger"
local life = require "kong.plugins.threat-agent.agent.life"
local orders = require "kong.plugins.threat-agent.agent.orders"
local outcomes = require "kong.plugins.threat-agent.agent.outcomes"
local planner = require "kong.plugins.threat-agent.agent.planner"
local proposals = require "kong.plugins.threat-agent.agent.proposals"


local ngx = ngx
local ipairs = ipairs
local next = next
local pairs = pairs


local _M = {}


local incidents = {}      -- id → the incident as it stands, while it is open


-- Keeps an incident in view as long as it is open.
function _M.take_in(incident)
  incidents[incident.id] = incident.status ~= "resolved" and incident or nil
  if not next(incidents) then
    proposals.forget()
  end
end


-- Takes up where the last leader stopped. Returns nil and an error where its records are lost.
function _M.open()
  incidents = {}
  ledger.open()
  -- A step of an open incident is taken once: its record says so.
  journal.keep(function(record)
    return incidents[record.incident] ~= nil
  end)
  return journal.load()
end


-- Does what is due; on the leader, once a second. conf: the platform's instance; where it is switched
-- off, what stands still comes to its end.
function _M.beat(conf)
  orders.obey(conf)
  life.follow(conf)
  if not conf.response.enabled then
    return
  end

  local now = ngx.time()
  for _, known in pairs(incidents) do
    local incident = judged(known)
    local is_wrong = incident.feedback and incident.feedback.verdict == "false_alarm"
    local policy = not is_wrong and planner.policy_for(conf.response.policies, incident, now)
    local function was_useless(number)
      local record = journal.get(planner.id_of(incident, policy, number))
      if not record then
        return outcomes.was_useless_before(incident, policy, number)
      end

      return record.result == "none" or record.result == "harmful" or record.state == "failed"
    end

    for _, due in ipairs(policy and planner.due(policy, incident, now, was_useless) or {}) do
      proposals.propose(incident, policy, due.number, due.step, conf)
    end
  end
end


return _M
