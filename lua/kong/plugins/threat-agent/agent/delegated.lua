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
local gate = require "kong.plugins.threat-agent.agent.gate"
local journal = require "kong.plugins.threat-agent.agent.journal"
local life = require "kong.plugins.threat-agent.agent.life"
local planner = require "kong.plugins.threat-agent.agent.planner"
local redact = require "kong.plugins.threat-agent.redact"
local settings = require "kong.plugins.threat-agent.settings"


local ngx = ngx
local ipairs = ipairs
local max = math.max
local min = math.min
local tostring = tostring
local type = type


local MOST_CLIENTS = 256
local MOST_TEXT = 256
local RESULTS = { improved = true, none = true, harmful = true, unknown = true }
local SENDERS = { client_ip = true, network = true, consumer = true, credential = true, session = true }


local _M = {}


local function text(value)
  return type(value) == "string" and redact.text(value:sub(1, MOST_TEXT)) or ""
end


local function number(value)
  return type(value) == "number" and value == value and value or nil
end


-- The name under which this node keeps what another node asked for.
local function id_of(asked)
  if type(asked.node) ~= "string" or not asked.node:match("^[%x%-]+$") or #asked.node ~= 36
     or type(asked.id) ~= "string" or not asked.id:match("^[%w%-]+$") or #asked.id > 64
  then
    return nil
  end

  return asked.node:sub(1, 8) .. "-" .. asked.id
end


-- Reads an entity that a question names. Returns the entity; or nil, an error, and whether it may pass.
local function named(api, kind, id)
  if type(id) ~= "string" or not id:match("^[%x%-]+$") then
    return nil, "expected the id of one of the " .. kind, false
  end

  local entity, err, passes = api:get(kind, id)
  if entity == nil then
    return nil, err, passes
  end

  return entity or nil, "there is no such entity in " .. kind, false
end


-- The place by this node's own names: protected ones may be among them.
local function place_of(asked, api)
  local told = type(asked.place) == "table" and asked.place or {}
  local place = { workspace = text(told.workspace), route = "", service = "" }
  local service = told.service
  local entity, err, passes
  if told.route and told.route ~= "" then
    entity, err, passes = named(api, "routes", told.route)
    if not entity then
      return nil, err, passes
    end
    place.route, place.route_name = entity.id, type(entity.name) == "string" and entity.name or nil
    service = type(entity.service) == "table" and entity.service.id or ""
  end
  if service and service ~= "" then
    entity, err, passes = named(api, "services", service)
    if not entity then
      return nil, err, passes
    end
    place.service, place.service_name = entity.id, type(entity.name) == "string" and entity.name or nil
  end

  return place
end


-- What planning needs of the incident. Who is named was suspected enough there.
local function incident_of(asked, place)
  local incident = {
    id = text(asked.incident),
    category = text(asked.category),
    severity = "critical",
    confidence = 1,
    opened_s = min(number(asked.opened_s) or ngx.time(), ngx.time()),
    route = place.route,
    route_name = place.route_name,
    service = place.service,
    service_name = place.service_name,
    top_clients = {},
    top_senders = {},
  }
  local by = SENDERS[asked.by] and asked.by
  for i, client in ipairs(by and type(asked.clients) == "table" and asked.clients or {}) do
    if i > MOST_CLIENTS or type(client) ~= "string" or #client > 64 or not client:match("^[%x%-:./]+$") then
      break
    elseif by == "client_ip" or by == "network" then
      incident.top_clients[i] = { client = client, suspicion = "high" }
    else
      incident.top_senders[i] = { by = by, id = client, suspicion = "high" }
    end
  end

  return incident
end


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
    local step = policy.id == asked.policy and policy.steps[number(asked.step) or 0]
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


-- A step with what the asking node has learned, where the policy leaves that open.
local function with_learned(step, asked)
  local copy = {}
  for name, value in pairs(step) do
    copy[name] = value
  end
  copy.per_minute = type(copy.per_minute) == "number" and copy.per_minute or number(asked.per_minute)
  return copy
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


-- Plans a record and checks it. Returns the policy; or nil, why not, and whether that may pass.
local function prepare(record, asked, conf)
  local why = life.must_go(record, conf) or not conf.response.enabled and "the agent is switched off"
  if why then
    return nil, why, false
  end

  local api, err, passes = admin.client(conf.response.admin_api)
  local place
  if api then
    place, err, passes = place_of(asked, api)
  end
  if not place then
    return nil, err, passes
  end
  record.place = place

  local incident = incident_of(asked, place)
  local policy, step = step_of(asked, incident, conf)
  if not policy then
    return nil, step, false
  end
  record.action, record.ttl_s = step.action, step.ttl_s

  local ok
  ok, why, passes = actions.plan(record, incident, with_learned(step, asked), function() return api end)
  if not ok then
    return nil, why, passes or false
  end
  -- What goes on there only the asking node sees; whether it helps it judges, too.
  record.touches_ratio = max(record.touches_ratio, min(1, number(asked.touches_ratio) or 1))
  record.verify_after_s = nil

  ok, why = gate.check(record, conf)
  return ok and policy, why, false
end


local COMMANDS = {}


function COMMANDS.apply(asked, id, conf)
  local record = journal.get(id)
  if record then
    return answer_of(record)
  end

  record = {
    id = id,
    incident = text(asked.incident),
    category = text(asked.category),
    title = text(asked.title),
    policy = text(asked.policy),
    action = "",
    mode = conf.mode,
    created_s = ngx.time(),
    ttl_s = 0,
    asked_by = asked.node,
    place = { workspace = "", route = "", service = "" },
    changes = {},
    touches_ratio = 0,
  }
  local policy, why, passes = prepare(record, asked, conf)
  if not policy and passes then
    return { state = "waiting", why = why }
  elseif not policy then
    life.move(record, "refused", conf, why)
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
  elseif record.state == "active" or record.state == "applying" then
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

  record.result = RESULTS[asked.result] and asked.result or "unknown"
  record.stands = record.state == "active" and carrier.stands(record, conf)
  life.note("verified", record, conf, record.result)
  return answer_of(record)
end


-- Does what was asked, and leaves the answer for the worker that was asked.
function _M.obey(command, conf)
  local asked = command.asked
  local id = id_of(asked)
  local todo = COMMANDS[asked.command]
  local answer
  if not settings.is_companion(conf) then
    answer = { state = "refused", why = "this node is no companion" }
  elseif not id or not todo then
    answer = { state = "refused", why = "expected node, id, and a command: apply, revert or verify; got "
                                        .. text(tostring(asked.command)) }
  else
    answer = todo(asked, id, conf)
  end
  commands.answer(command.nonce, answer)
end


return _M
