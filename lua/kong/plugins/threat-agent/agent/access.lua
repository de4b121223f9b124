-- The agent's own access path: a route or service that leads to the Admin API, or to the dashboard. Whoever
-- provokes actions there must not lock out who would take them back. Single senders may be banned there.

local carrier = require "kong.plugins.threat-agent.agent.carrier"
local database = require "kong.plugins.threat-agent.database"


local kong = kong
local ipairs = ipairs
local tonumber = tonumber
local type = type


local DASHBOARD = "threat-agent-dashboard"

local PORTS = { http = 80, https = 443 }

-- Names of this node, whatever its listener is bound to.
local LOCAL = { ["127.0.0.1"] = true, ["::1"] = true, ["[::1]"] = true, localhost = true }


-- Whether a record is about all who go somewhere.
local function is_for_all(record)
  local ban = record.changes[1] and record.changes[1].ban
  return carrier.is_remote(record) or ban ~= nil and (ban.by == "route" or ban.by == "service")
end


local function is_at(url, host, port)
  if type(url) ~= "string" then
    return false
  end

  local scheme, there, at = url:match("^(https?)://([^:/]+):?(%d*)")
  return there == host and (tonumber(at) or PORTS[scheme]) == port
end


local function is_own_listener(host, port)
  for _, listener in ipairs(kong.configuration.admin_listeners or {}) do
    if listener.port == port and (LOCAL[host] or listener.ip == host) then
      return true
    end
  end

  return false
end


local function is_admin_api(host, port, response)
  return is_own_listener(host, port) or is_at(response.admin_api.url, host, port)
end


-- The upstream that a service's host names; nil where it is no upstream's name, nil and an error.
local function upstream_of(service)
  local workspace = database.workspace_of(service)
  for upstream, err in database.each("upstreams") do
    if not upstream then
      return nil, err
    elseif upstream.name == service.host and database.workspace_of(upstream) == workspace then
      return upstream.id
    end
  end
end


-- Whether a service leads to the Admin API, by itself or by a target of its upstream. Returns nil and an error.
local function leads_to_admin_api(service, response)
  if is_admin_api(service.host, service.port, response) then
    return true
  end

  local upstream, err = upstream_of(service)
  if err then
    return nil, err
  elseif not upstream then
    return false
  end

  for target, target_err in database.each("targets") do
    if not target then
      return nil, target_err
    end

    local host, port = target.target:match("^(.*):(%d+)$")
    if target.upstream.id == upstream and is_admin_api(host, tonumber(port), response) then
      return true
    end
  end

  return false
end


-- Whether the dashboard is on the route, or on one of the service's where an action is on that.
local function has_dashboard(record)
  local place = record.place
  for plugin, err in database.each("plugins") do
    if not plugin then
      return nil, err
    end

    local route = plugin.name == DASHBOARD and type(plugin.route) == "table" and plugin.route.id
    if route and route == place.route then
      return true
    elseif route and record.target == "service" then
      local found = database.select("routes", route)
      local service = found and type(found.service) == "table" and found.service.id
      if service and service == place.service then
        return true
      end
    end
  end

  return false
end


-- Says why a planned record would cut the access path; nil where it would not. response: the configuration's.
return function(record, response)
  if not is_for_all(record) then
    return nil
  end

  local service, leads_there, has_page, err
  if record.place.service ~= "" then
    service, err = database.select("services", record.place.service)
  end
  if service then
    leads_there, err = leads_to_admin_api(service, response)
  end
  if not err and not leads_there then
    has_page, err = has_dashboard(record)
  end

  if err then
    return "it may lead to the Admin API or the agent's own dashboard, which cannot be told: " .. tostring(err)
  end

  return leads_there and "its service leads to the Admin API" or has_page and "the dashboard is there" or nil
end
