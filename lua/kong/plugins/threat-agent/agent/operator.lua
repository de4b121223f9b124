-- What operators do by hand: bans and exemptions that become actions like the agent's own, and the
-- lifting of bans.

local cjson = require "cjson.safe"
local database = require "kong.plugins.threat-agent.database"
local journal = require "kong.plugins.threat-agent.agent.journal"
local region = require "kong.plugins.threat-agent.region"
local senders = require "kong.plugins.threat-agent.senders"
local vocabulary = require "kong.plugins.threat-agent.vocabulary"


local ngx = ngx
local ipairs = ipairs
local pairs = pairs


local CATEGORY = "abuse"


local _M = {}


local made = 0


local function new_id()
  made = made + 1
  return ("operator-%d-%d"):format(ngx.time(), made)
end


local function measure_of(command, measure, scope, service, route)
  local place = { workspace = command.workspace, service = service or "", route = route or "" }
  return senders.measure(place, command.ban_by, command.client, measure, {
    scope = scope,
    ttl_s = command.ttl_s or 0,
    category = CATEGORY,
  })
end


-- Makes the record of what an operator does: it has no verification, because nobody but the operator
-- judges it.
local function record_of(command, conf, done, ban)
  return {
    id = new_id(),
    incident = "",
    category = CATEGORY,
    title = done .. " by " .. command.by .. ": " .. command.reason,
    policy = "operator",
    action = command.command,
    mode = conf.mode,
    ttl_s = command.ttl_s,
    created_s = ngx.time(),
    approved_by = command.by,
    by_operator = true,
    place = { workspace = command.workspace, service = ban.service, route = ban.route, route_name = command.route_name },
    touches_ratio = 0,
    by = command.ban_by,
    clients = setmetatable({ command.client }, cjson.array_mt),
    changes = setmetatable({ { op = "ban", ban = ban } }, cjson.array_mt),
  }
end


-- Makes the record of a ban.
function _M.ban(command, conf)
  return record_of(command, conf, "Banned", measure_of(command, senders.BANS[command.when] or "refuse", "global"))
end


-- Makes the record of an exemption on a route.
function _M.allow(command, conf)
  local ban = measure_of(command, "allow", "route", command.service, command.route)
  return record_of(command, conf, "Exempted", ban)
end


-- The record that the ledger keeps of what an operator did that is no action: lifted bans, the kill switch.
function _M.deed(command, name)
  return {
    id = new_id(),
    incident = "",
    action = name,
    policy = "operator",
    approved_by = command.by,
    clients = setmetatable({ command.client }, cjson.array_mt),
  }
end


local function names_only(record, client)
  return record.clients and #record.clients == 1 and record.clients[1] == client
end


-- Who asks in one workspace lifts nothing of another.
local function is_meant(record, command)
  return record.action == "ban" and vocabulary.STANDING[record.state]
         and (command.everywhere or record.place.workspace == command.workspace)
end


-- Lists the standing bans that are of this client alone.
function _M.records_of(command)
  local found = {}
  for _, record in ipairs(journal.all()) do
    if is_meant(record, command) and names_only(record, command.client) then
      found[#found + 1] = record
    end
  end

  return found
end


-- Leaves a client out of the bans that it shares with others: a later step must not ban it again.
local function leave_out(command)
  local client = command.client
  for _, record in ipairs(journal.all()) do
    if is_meant(record, command) and #record.changes > 1 then
      local changes, clients = setmetatable({}, cjson.array_mt), setmetatable({}, cjson.array_mt)
      for i, change in ipairs(record.changes) do
        if record.clients[i] ~= client then
          changes[#changes + 1] = change
          clients[#clients + 1] = record.clients[i]
        else
          record.left_out = record.left_out or setmetatable({}, cjson.array_mt)
          table.insert(record.left_out, client)
        end
      end
      record.changes, record.clients = changes, clients
    end
  end
end


-- Lifts a ban at one place, and what its client is suspected of there.
local function lift_at(command, scope, service, route)
  local ban
  for _, measure in pairs(senders.BANS) do
    ban = measure_of(command, measure, scope, service, route)
    local ok, err = region.lift_ban(ban)
    if not ok then
      return nil, err
    end
  end

  return region.lift_suspicion(ban)
end


-- Lifts a client's bans, and what it is suspected of, wherever they may stand. Returns true, or nil and an error.
function _M.lift(command)
  leave_out(command)
  local ok, err = lift_at(command, "global")
  if not ok then
    return nil, err
  end

  local done = { [command.workspace] = true }     -- workspaces and services
  for route, route_err in database.each("routes") do
    if not route then
      return nil, "could not read the routes: " .. tostring(route_err)
    end

    local workspace = database.workspace_of(route)
    if command.everywhere or workspace == command.workspace then
      local there = { client = command.client, ban_by = command.ban_by, workspace = workspace }
      local service = type(route.service) == "table" and route.service.id or ""
      lift_at(there, "route", service, route.id)
      if service ~= "" and not done[service] then
        lift_at(there, "service", service)
        done[service] = true
      end
      if not done[workspace] then
        lift_at(there, "global")
        done[workspace] = true
      end
    end
  end

  return journal.save()
end


-- Lifts what the clients of an incident are suspected of where it was. command: what views/feedback.lua sends.
function _M.acquit(command)
  for _, client in ipairs(command.clients or {}) do
    region.lift_suspicion(senders.identity(command, "client_ip", client))
  end
end


return _M
