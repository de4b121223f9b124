-- Measures how soon an incident is met: from the first request of an attack, and from the moment the incident
-- is listed, to enforcement in memory on all workers, and to enforcement by the Admin API.
--
--   TA_GATEWAY=embedded|kong|kong-postgres|kong-hybrid luajit bench/response.lua [rounds]
--
-- It starts a gateway of its own with four workers. In `companion` (kong-hybrid only) the data plane asks its control plane by
-- signed requests. Times are what a client sees: polls are 10 ms apart, and a change counts once
-- 24 connections in a row, which the workers share, meet it.

local cjson = require "cjson.safe"
local gateway = require "spec.support.gateway"
local socket = require "socket"


local ROUNDS = tonumber(arg[1]) or 5
local WORKERS = 4
local IN_A_ROW = 24
local LONGEST_S = 30
local IS_HYBRID = gateway.kind == "kong-hybrid"

local KINDS = IS_HYBRID and { "memory", "admin_api", "companion" } or { "memory", "admin_api" }
local STEPS = {
  memory = "action: ban, suspicion: low",
  admin_api = "action: restrict_route, methods: [GET]",
  companion = "action: restrict_route, methods: [GET]",
}


-- kinds: those that one gateway has.
local function config(kinds, asks)
  local routes, policies = {}, {}
  for _, kind in ipairs(kinds) do
    for n = 1, ROUNDS do
      local name = kind .. "-" .. n
      routes[#routes + 1] = ("      - { name: %s, paths: [/%s] }\n"):format(name, name)
      policies[#policies + 1] = ("          - { id: %s, routes: [%s], min_confidence: 0.3, min_severity: low, "
        .. "steps: [{ %s, ttl_s: 600, verify_after_s: 600 }] }\n"):format(name, name, STEPS[kind])
    end
  end

  return '_format_version: "3.0"\nservices:\n  - name: shop\n    url: http://127.0.0.1:${DEMO_PORT}\n    routes:\n'
    .. table.concat(routes)
    .. "plugins:\n  - name: threat-agent\n    config:\n      mode: enforce\n      response:\n"
    .. asks
    .. "        blast_radius: { good_ratio: 1 }\n        budget: { per_minute: 100 }\n        policies:\n"
    .. table.concat(policies)
end


local function record_of(gw, name)
  for _, record in ipairs(cjson.decode(gateway.read_file(gw.prefix .. "/threat-agent/actions.json")) or {}) do
    if record.place.route_name == name then
      return record
    end
  end
end


local client = 0

local function post(gw, name, address)
  return gw:http({ path = "/" .. name .. "/login", json = { username = "user-" .. client .. "-" .. math.random(1e6), password = "x" },
                   headers = { ["x-forwarded-for"] = address } }).status
end


-- Whether the client is refused, or the method, on so many fresh connections in a row.
local function is_enforced(gw, kind, name, address)
  for _ = 1, IN_A_ROW do
    local status = post(gw, name, kind == "memory" and address or "203.0.113.200")
    if status ~= (kind == "memory" and 403 or 404) then
      return false
    end
  end

  return true
end


-- One attack. Returns seconds from its first request to the action's record, to the record being active, and to
-- enforcement on all workers.
local function round(gw, kind, n)
  client = client + 1
  local name, address = kind .. "-" .. n, "192.0.2." .. client
  local start = socket.gettime()
  for _ = 1, 14 do
    post(gw, name, address)
  end

  local planned, active
  repeat
    local record = record_of(gw, name)
    local now = socket.gettime() - start
    planned = planned or record and now
    active = active or record and record.state == "active" and now
    if active and is_enforced(gw, kind, name, address) then
      return planned, active, socket.gettime() - start
    end
    socket.sleep(0.01)
  until now > LONGEST_S
end


local function median(list)
  table.sort(list)
  return list[math.ceil(#list / 2)]
end


local function measure(kinds, asks)
  local gw = gateway.start({ config = config(kinds, asks), trusted_ips = "127.0.0.1", workers = WORKERS })
  gateway.eventually(function() return gw:http({ path = "/" .. kinds[1] .. "-1/products" }).status == 200 end, 30)
  socket.sleep(3)
  for _, kind in ipairs(kinds) do
    local planned, active, enforced, lost = {}, {}, {}, 0
    for n = 1, ROUNDS do
      local p, a, e = round(gw, kind, n)
      if e then
        planned[#planned + 1], active[#active + 1], enforced[#enforced + 1] = p, a, e - p
      else
        lost = lost + 1
      end
    end
    if #enforced > 0 then
      print(("%-14s %-10s %2d rounds, %d lost: attack to incident and plan %.2f s (%.2f), plan to enforcement on all workers "
             .. "%.2f s (%.2f)"):format(gateway.kind, kind, ROUNDS, lost, median(planned), planned[#planned],
                                        median(enforced), enforced[#enforced]))
    else
      print(("%-14s %-10s no round was enforced within %d s"):format(gateway.kind, kind, LONGEST_S))
    end
  end
  gw:stop()
end


print("median (and longest) of each")
local LOCAL = '        admin_api: { url: "http://127.0.0.1:${ADMIN_PORT}" }\n'
if IS_HYBRID then
  measure({ "memory", "admin_api" }, LOCAL)
  measure({ "companion" }, "        responder: companion\n        companion: { url: 'http://127.0.0.1:${CONTROL_STATUS_PORT}', "
                           .. "key: 0123456789abcdef, accepts: [restrict_route] }\n")
else
  measure(KINDS, LOCAL)
end
