-- The routes and clients that matter now, by the counters of the region.

local baselines = require "kong.plugins.threat-agent.baselines"
local cjson = require "cjson.safe"
local database = require "kong.plugins.threat-agent.database"
local elapsed = require "kong.plugins.threat-agent.elapsed"
local given = require "kong.plugins.threat-agent.given"
local region = require "kong.plugins.threat-agent.region"
local senders = require "kong.plugins.threat-agent.senders"


local kong = kong
local ngx = ngx


-- Reading the routes from the database is dear: they are kept for a while.
local KEPT_S = 30
local MOST_ROUTES = 500
local SHOWN = 8


local _M = {}


local routes = {}
local read_s = -KEPT_S


local function read_routes()
  local found = {}
  for route, err in database.each("routes") do
    if not route then
      kong.log.warn("could not list the routes: ", err)
      break
    end

    found[#found + 1] = {
      id = route.id,
      name = given(route.name),
      service = given(route.service) and route.service.id or "",
      workspace = database.workspace_of(route),
    }
    if #found >= MOST_ROUTES then
      break
    end
  end

  return found
end


local function known_routes()
  local now = ngx.now()
  if elapsed(read_s, KEPT_S, now) then
    routes, read_s = read_routes(), now
  end

  return routes
end


local function by_requests(a, b)
  return a.requests > b.requests
end


local function shortened(list)
  table.sort(list, by_requests)
  for i = #list, SHOWN + 1, -1 do
    list[i] = nil
  end

  return setmetatable(list, cjson.array_mt)
end


-- Lists the busiest routes of the last minute. workspace: nil for all; but: the id of a route that is
-- left out, or nil.
function _M.routes(workspace, but)
  local list = {}
  for _, route in ipairs(known_routes()) do
    if route.id ~= but and (workspace == nil or route.workspace == workspace) then
      local place = { workspace = route.workspace, route = route.id, service = route.service }
      local traffic = region.traffic(senders.identity(place))
      local minute = traffic and traffic.minute
      if minute and minute.requests > 0 then
        list[#list + 1] = {
          id = route.id,
          name = route.name,
          requests = minute.requests,
          errors = minute.errors,
          not_found = minute.not_found,
          refused_logins = minute.refused,
          answered_here = minute.exits,
          usual = baselines.of(route.workspace, route.id),
        }
      end
    end
  end

  return shortened(list)
end


-- Lists the clients that open incidents name, with what they sent in the last minute.
function _M.clients(incidents)
  local by_client, list = {}, {}
  for _, incident in ipairs(incidents) do
    for _, top in ipairs(incident.status ~= "resolved" and incident.top_clients or {}) do
      local client = by_client[top.client]
      if not client then
        client = { client = top.client, suspicion = top.suspicion, signals = 0, requests = 0, incidents = {} }
        setmetatable(client.incidents, cjson.array_mt)
        by_client[top.client] = client
        list[#list + 1] = client
      end

      local traffic = region.traffic(senders.identity(incident, "client_ip", top.client))
      client.signals = client.signals + top.signals
      client.requests = client.requests + (traffic and traffic.sender_minute.requests or 0)
      table.insert(client.incidents, incident.id)
    end
  end

  return shortened(list)
end


return _M
