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

  local service, err
  if record.place.service ~= "" then
    service, err = database.select("services", record.place.service)
  end
  if service and (is_own_listener(service.host, service.port) or is_at(response.admin_api.url, service.host, service.port)) then
    return "its service leads to the Admin API"
  end

  local found
  if not err then
    found, err = has_dashboard(record)
  end
  if err then
    return "it may lead to the agent's own dashboard, which cannot be told: " .. tostring(err)
  end

  return found and "the dashboard is there" or nil
end
