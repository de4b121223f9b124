-- Exemptions: who is let pass on a route for a time, by a policy or an operator.

local action_list = require "kong.plugins.threat-agent.action_list"
local actions = require "kong.plugins.threat-agent.views.actions"
local cjson = require "cjson.safe"
local database = require "kong.plugins.threat-agent.database"
local vocabulary = require "kong.plugins.threat-agent.vocabulary"
local whom = require "kong.plugins.threat-agent.views.whom"


local kong = kong


local _M = {}


-- The records of exemptions that stand.
local function standing(ask)
  local found = {}
  for _, record in ipairs(action_list.list(ask.workspace)) do
    if record.action == "allow" and vocabulary.IN_FORCE[record.state] then
      found[#found + 1] = record
    end
  end

  return found
end


function _M.list(ask)
  local data = setmetatable({}, cjson.array_mt)
  for _, record in ipairs(standing(ask)) do
    for i, change in ipairs(record.changes) do
      data[#data + 1] = {
        action = record.id,
        by = change.ban.by,
        client = record.clients[i],
        route = record.place.route,
        route_name = record.place.route_name,
        made_by = record.approved_by or record.policy,
        why = record.title,
        applied_s = record.applied_s,
        expires_s = record.expires_s,
      }
    end
  end

  return 200, { data = data }
end


-- Finds a route by its id or name in what the asker may see. Returns nil where there is none, and an
-- error where the routes cannot be read.
local function find_route(ask, text)
  for route, err in database.each("routes") do
    if not route then
      return nil, "could not read the routes: " .. tostring(err)
    elseif (route.id == text or route.name == text)
           and (ask.workspace == nil or database.workspace_of(route) == ask.workspace)
    then
      return route
    end
  end
end


-- Lets somebody pass on a route for a time.
function _M.allow(ask)
  local body = ask.body
  local command, err = whom.asked(body)
  if not command then
    return 400, { message = err }
  end

  local route
  if type(body.route) == "string" then
    route, err = find_route(ask, body.route)
  end
  if err then
    return 503, { message = err }
  elseif not route then
    return 400, { message = "route: expected the id or name of a route; an exemption from everything, everywhere, "
                            .. "belongs into the configuration's allowlist" }
  end

  command.command = "allow"
  command.workspace = route.ws_id or ask.workspace or kong.default_workspace
  command.route = route.id
  command.route_name = type(route.name) == "string" and route.name or nil
  command.service = type(route.service) == "table" and route.service.id or ""
  return actions.send(ask, command)
end


-- Ends every exemption that is of somebody alone.
function _M.lift(ask)
  local by, client = whom.find(ask.params.client, ask.query.by)
  if not by then
    return 400, { message = whom.EXPECTED }
  end

  local status, message = 404, { message = "Not found" }
  for _, record in ipairs(standing(ask)) do
    if #record.clients == 1 and record.clients[1] == client then
      status, message = actions.send(ask, { command = "revert", id = record.id })
    end
  end

  return status, message
end


return _M
