-- What data planes ask of this node as their companion, done by its leader.
--
-- Whoever asks holds the key and may have been taken over. So a question names a step of a policy, a
-- place, and who is suspected; the step is taken from this node's own configuration, the place is looked up and the
-- changes are planned here, and this node's own gates hold: `companion.accepts`, mode, approval, protected
-- entities, budget, blast radius, kill switch.

local actions = require "kong.plugins.threat-agent.actions"
local admin = require "kong.plugins.threat-agent.admin"
local carrier = require "kong.plugins.threat-agent.agent.carrier"
local commands = require "kong.plugins.threat-agent.commands"
local elapsed = require "kong.plugins.threat-agent.elapsed"
local gate = require "kong.plugins.threat-agent.agent.gate"
local journal = require "kong.plugins.threat-agent.agent.journal"
local life = require "kong.plugins.threat-agent.agent.life"
local planner = require "kong.plugins.threat-agent.agent.planner"
local question = require "kong.plugins.threat-agent.agent.question"
local settings = require "kong.plugins.threat-agent.settings"
local vocabulary = require "kong.plugins.threat-agent.vocabulary"


local kong = kong
local ngx = ngx
local ipairs = ipairs
local max = math.max
local min = math.min
local pairs = pairs
local tostring = tostring
local type = type


local RESULTS = { improved = true, none = true, harmful = true, unknown = true }
-- Refusals in a minute that are written down; who holds the key may ask for more.
local MOST_REFUSALS = 10
-- Actions of data planes that wait for approval at once.
local MOST_PENDING = 20


local _M = {}


local function contains(list, wanted)
  for _, entry in ipairs(list) do
    if entry == wanted then
      return true
    end
  end

  return false
end


-- Finds the step that a question names in this node's own policies. Returns the policy and the step; or nil
-- and why not.
local function step_of(asked, incident, conf)
  for _, policy in ipairs(conf.response.policies) do
    local step = policy.id == asked.policy and policy.steps[question.number(asked.step) or 0]
    if step and not planner.policy_for({ policy }, incident, ngx.time()) then
      return nil, "its policy " .. policy.id .. " is not for that place or category"
    elseif step and not contains(conf.response.companion.accepts, step.action) then
      return nil, "the companion does not accept " .. step.action
    elseif step then
      return policy, step
    end
  end

  return nil, "the companion has no such step of such a policy"
end


-- A step with what the asking node has learned, where the policy leaves that open. Returns nil and what is wrong
-- with that.
local function with_learned(step, asked, conf)
  local copy = {}
  for name, value in pairs(step) do
    copy[name] = value
  end
  if type(copy.per_minute) == "number" then
    return copy
  end

  local err
  copy.per_minute, err = question.per_minute(asked, conf.response.companion.least_per_minute)
  return not err and copy or nil, err
end


local function answer_of(record)
  return {
    state = record.state,
    why = record.why,
    tier = record.tier,
    changes = record.changes,
    expires_s = record.expires_s,
    stands = record.stands,
  }
end


local refused_since_s, refused = 0, 0

-- Whether one more refusal is written down.
local function is_noted()
  local now = ngx.time()
  if elapsed(refused_since_s, 60, now) then
    refused_since_s, refused = now, 0
  end
  refused = refused + 1
  return refused <= MOST_REFUSALS
end


local function count_pending()
  local number = 0
  for _, record in ipairs(journal.all()) do
    number = number + (record.asked_by and record.state == "pending" and 1 or 0)
  end

  return number
end


-- Plans a record by this node's own policies. Returns the policy; or nil, why not, and whether that may pass.
local function plan(record, asked, conf)
  local why = life.must_go(record, conf) or not conf.response.enabled and "the agent is switched off"
  if why then
    return nil, why, false
  end

  local api, err, passes = admin.client(conf.response.admin_api, question.workspace(asked))
  local place
  if api then
    place, err, passes = question.place(asked, api)
  end
  if not place then
    return nil, err, passes
  end
  record.place = place

  local incident = question.incident(asked, place)
  local policy, step = step_of(asked, incident, conf)
  if not policy then
    return nil, step, false
  end
  record.action, record.ttl_s, record.target = step.action, step.ttl_s, step.target
  step, err = with_learned(step, asked, conf)
  if not step then
    return nil, err, false
  end

  local ok
  ok, why, passes = actions.plan(record, incident, step, function() return api end)
  if not ok then
    return nil, why, passes or false
  end
  -- What goes on there only the asking node sees; whether it helps it judges, too.
  record.touches_ratio = max(record.touches_ratio, min(1, question.number(asked.touches_ratio) or 1))
  record.verify_after_s = nil

  return policy
end


local COMMANDS = {}


-- What comes to no plan leaves nothing here but a line in the log: that is of the asking node's making alone.
function COMMANDS.apply(asked, id, conf)
  local record = journal.get(id)
  if record then
    return answer_of(record)
  end

  record = {
    id = id,
    incident = question.text(asked.incident),
    category = question.text(asked.category),
    title = question.text(asked.title),
    policy = question.text(asked.policy),
    action = "",
    mode = conf.mode,
    created_s = ngx.time(),
    ttl_s = 0,
    asked_by = asked.node,
    place = { workspace = "", route = "", service = "" },
    changes = {},
    touches_ratio = 0,
  }
  local policy, why, passes = plan(record, asked, conf)
  if not policy and passes then
    return { state = "waiting", why = why }
  elseif not policy then
    if is_noted() then
      kong.log.notice("refused what node ", asked.node, " asked for: ", why)
    end
    return { state = "refused", why = why }
  end

  local ok
  ok, why = gate.check(record, conf)
  if not ok and is_noted() then
    life.move(record, "refused", conf, why)
  elseif not ok then
    return { state = "refused", why = why }
  elseif policy.approval == "required" and count_pending() >= MOST_PENDING then
    return { state = "waiting", why = MOST_PENDING .. " actions of data planes wait for approval already" }
  elseif policy.approval == "required" then
    life.move(record, "pending", conf, "waits for POST /threat-agent/actions/" .. id .. "/approve at the companion")
  else
    life.carry_out(record, conf)
  end

  return answer_of(record)
end


function COMMANDS.revert(asked, id, conf)
  local record = journal.get(id)
  if not record then
    return { state = "unknown" }
  elseif vocabulary.REVERTIBLE[record.state] then
    life.revert(record, conf, "reverted", "asked for by node " .. asked.node)
  elseif record.state == "pending" then
    life.move(record, "refused", conf, "no longer wanted by node " .. asked.node)
  end

  return answer_of(record)
end


-- Notes what the asking node says of an action, and looks whether it stands.
function COMMANDS.verify(asked, id, conf)
  local record = journal.get(id)
  if not record then
    return { state = "unknown", stands = false }
  end

  local result, stands = record.result, record.stands
  record.result = RESULTS[asked.result] and asked.result or "unknown"
  record.stands = record.state == "active" and carrier.stands(record, conf)
  if record.result ~= result or record.stands ~= stands then
    life.note("verified", record, conf, record.result)
  end
  return answer_of(record)
end


-- Does what a question asks for, and leaves the answer for the worker that was asked.
function _M.obey(given, conf)
  local asked = given.asked
  local id = question.id(asked)
  local todo = COMMANDS[asked.command]
  local answer
  if not settings.is_companion(conf) then
    answer = { state = "refused", why = "this node is no companion" }
  elseif not id or not todo then
    answer = { state = "refused", why = "expected node, id, created_s, and a command: apply, revert or verify; "
                                        .. "got " .. question.text(tostring(asked.command)) }
  else
    answer = todo(asked, id, conf)
  end
  commands.answer(given.nonce, answer)
end


return _M
