-- Bans: those that the agent or an operator made, by name; of all others the region holds hashes
-- only, so that they are counted.

local action_list = require "kong.plugins.threat-agent.action_list"
local actions = require "kong.plugins.threat-agent.views.actions"
local cjson = require "cjson.safe"
local library = require "kong.plugins.threat-agent.library"
local region = require "kong.plugins.threat-agent.region"
local senders = require "kong.plugins.threat-agent.senders"
local vocabulary = require "kong.plugins.threat-agent.vocabulary"
local whom = require "kong.plugins.threat-agent.views.whom"


local kong = kong
local ipairs = ipairs


-- What would narrow a ban, were it understood.
local PLACES = { "scope", "route", "service" }


local _M = {}


local function add_record(data, record)
  for i, change in ipairs(record.changes) do
    local ban = change.op == "ban" and change.ban
    if ban then
      data[#data + 1] = {
        action = record.id,
        by = ban.by,
        client = record.clients[i],
        scope = ban.scope,
        when = ban.measure == senders.BANS.signal and "signal" or "always",
        route_name = record.place.route_name,
        category = ban.category,
        incident = record.incident ~= "" and record.incident or nil,
        made_by = record.approved_by or record.policy,
        why = record.title,
        applied_s = record.applied_s,
        expires_s = record.expires_s,
      }
    end
  end
end


-- Lists the bans that the agent knows by name, and counts all that stand.
function _M.list(ask)
  local ok, err = library.load()
  local node = ok
  if ok then
    node, err = region.node()
  end
  if not node then
    return 503, { message = err }
  end

  local data = setmetatable({}, cjson.array_mt)
  for _, record in ipairs(action_list.list(ask.workspace)) do
    if record.action == "ban" and vocabulary.IN_FORCE[record.state] then
      add_record(data, record)
    end
  end

  return 200, { data = data, standing = node.bans }
end


-- Refuses somebody for a time, everywhere on the node: always, or what shows a sign of an attack.
function _M.ban(ask)
  local when = ask.body.when
  if when ~= nil and not senders.BANS[when] then
    return 400, { message = "when: expected always or signal" }
  end
  for _, field in ipairs(PLACES) do
    if ask.body[field] ~= nil then
      return 400, { message = field .. ": unknown field; a ban by hand holds on the whole node" }
    end
  end

  local command, err = whom.asked(ask.body)
  if not command then
    return 400, { message = err }
  end

  command.command = "ban"
  command.when = when
  command.workspace = ask.workspace or kong.default_workspace
  return actions.send(ask, command)
end


-- Lifts every ban of somebody: node-wide, and on each service and route.
function _M.lift(ask)
  local by, client = whom.find(ask.params.client, ask.query.by)
  if not by then
    return 400, { message = whom.EXPECTED }
  end

  return actions.send(ask, {
    command = "lift", ban_by = by, client = client,
    workspace = ask.workspace or kong.default_workspace,
    everywhere = ask.workspace == nil,
  })
end


return _M
