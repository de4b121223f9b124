-- What the node counts, for Prometheus: as text of its own, and through Kong's prometheus plugin
-- where that is loaded (see prometheus.lua).

local action_list = require "kong.plugins.threat-agent.action_list"
local incidents = require "kong.plugins.threat-agent.incidents"
local native = require "kong.plugins.threat-agent.native"
local status = require "kong.plugins.threat-agent.status"


local ipairs = ipairs


local CATEGORIES = {
  "api_ddos", "credential_stuffing", "abuse", "payload_injection", "route_misconfiguration", "mass_error",
  "client_anomaly",
}

-- Those that stand or wait, and how they end.
local STATES = {
  "pending", "applying", "active", "reverting", "reverted", "expired", "dry_run", "refused", "failed", "conflict",
}


local _M = {}


-- All metrics: name (without prefix), type, help, and the label's name where there is one.
_M.LIST = {
  { "enforcing", "gauge", "1 when refusals are carried out and the self-test has passed." },
  { "self_test_passed", "gauge", "1 when each worker's engine refused its own start-up attack." },
  { "bypass", "gauge", "1 while the engine is not called because workers died inside it." },
  { "kill_switch", "gauge", "1 while the agent's actions are switched off." },
  { "workers", "gauge", "Workers that count in the region." },
  { "requests_total", "counter", "Requests by verdict, in monitor mode as well.", "verdict" },
  { "uninspected_requests_total", "counter", "Requests of which a part was not inspected." },
  { "uninspected_bytes_total", "counter", "Bytes that were not inspected." },
  { "panics_total", "counter", "Panics that were caught in the engine." },
  { "bans", "gauge", "Bans that stand." },
  { "region_bytes", "gauge", "Size of the shared region." },
  { "region_keys", "gauge", "Keys that are counted in the region." },
  { "region_capacity_keys", "gauge", "Keys that the region has room for." },
  { "incidents_open", "gauge", "Open incidents by category.", "category" },
  { "actions", "gauge", "Actions that the agent keeps, by state.", "state" },
}


local function number(truth)
  return truth and 1 or 0
end


local function count_by(names, list, name_of)
  local counts = {}
  for _, name in ipairs(names) do
    counts[name] = 0
  end
  for _, item in ipairs(list) do
    local name = name_of(item)
    if counts[name] then
      counts[name] = counts[name] + 1
    end
  end

  return counts
end


local function of_node(node)
  return {
    bypass = number(node.bypass),
    workers = node.workers,
    requests_total = {
      allow = node.allowed, tag = node.tagged, throttle = node.throttled, block = node.blocked,
    },
    uninspected_requests_total = node.uninspected_requests,
    uninspected_bytes_total = node.uninspected_bytes,
    panics_total = node.panics,
    bans = node.bans,
    region_bytes = node.region_bytes,
    region_keys = node.live_keys,
    region_capacity_keys = node.capacity_keys,
  }
end


-- Reads all values: name → number, or label's value → number.
function _M.read()
  local now = status.get()
  local values = now.node and of_node(now.node) or {}
  values.enforcing = number(now.enforcing)
  values.self_test_passed = number(now.self_test and now.self_test.passed)
  values.kill_switch = number(now.actions and now.actions.killed)

  if native.load() then
    values.incidents_open = count_by(CATEGORIES, incidents.list() or {}, function(incident)
      return incident.status ~= "resolved" and incident.category
    end)
    values.actions = count_by(STATES, action_list.list(), function(record)
      return record.state
    end)
  end

  return values
end


local function sorted_keys(values)
  local keys = {}
  for key in pairs(values) do
    keys[#keys + 1] = key
  end

  table.sort(keys)
  return keys
end


-- Writes all metrics in Prometheus's text format. Label values are words of this file's own.
function _M.text()
  local values = _M.read()
  local lines = {}
  for _, metric in ipairs(_M.LIST) do
    local name, kind, help, label = "threat_agent_" .. metric[1], metric[2], metric[3], metric[4]
    local value = values[metric[1]]
    if value ~= nil then
      lines[#lines + 1] = "# HELP " .. name .. " " .. help
      lines[#lines + 1] = "# TYPE " .. name .. " " .. kind
    end

    if label and value then
      for _, key in ipairs(sorted_keys(value)) do
        lines[#lines + 1] = ("%s{%s=\"%s\"} %.14g"):format(name, label, key, value[key])
      end
    elseif value then
      lines[#lines + 1] = ("%s %.14g"):format(name, value)
    end
  end

  return table.concat(lines, "\n") .. "\n"
end


return _M
