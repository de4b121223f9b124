-- Kong runs the narrowest plugin of a name only: what the agent puts on a route loosens nothing that its service, or the
-- whole gateway, had there. Needs Kong's own plugins.


local gateway = require "spec.support.gateway"


if gateway.kind == "embedded" then
  return
end


local eventually = gateway.eventually

local INJECTION = "?q=1%27%20UNION%20SELECT%20password%20FROM%20users--"
local PARTNER, ATTACKER, STRANGER = "203.0.113.6", "203.0.113.5", "198.51.100.1"


local function policy(name, step)
  return ("          - { id: %s, routes: [%s], min_confidence: 0.3, min_severity: low, "
          .. "steps: [{ %s, ttl_s: 600, verify_after_s: 600 }] }\n"):format(name, name, step)
end


local CONFIG = [[
_format_version: "3.0"
services:
  - name: partners
    url: http://127.0.0.1:${DEMO_PORT}
    plugins: [{ name: ip-restriction, config: { allow: [203.0.113.0/24] } }]
    routes: [{ name: partners, paths: [/partners] }]
  - name: coded
    url: http://127.0.0.1:${DEMO_PORT}
    plugins: [{ name: pre-function, config: { access: ["kong.response.set_header('x-code', 'runs')"] } }]
    routes: [{ name: coded, paths: [/coded] }]
  - name: limited
    url: http://127.0.0.1:${DEMO_PORT}
    routes: [{ name: limited, paths: [/limited] }]
plugins:
  - { name: rate-limiting, config: { second: 50, hour: 100, policy: local, limit_by: ip } }
  - name: threat-agent
    config:
      mode: enforce
      response:
        admin_api: { url: "http://127.0.0.1:${ADMIN_PORT}" }
        policies:
]] .. policy("partners", "action: ip_restriction, suspicion: low")
   .. policy("coded", "action: hot_patch, template: refuse_parameter, parameter: debug")
   .. policy("limited", "action: rate_limiting, per_minute: 6")


gateway.describe("a plugin of the agent's on a route", { config = CONFIG, trusted_ips = "127.0.0.1" }, function(gw)
  local function get(route, client, query)
    return gw:http({ path = "/" .. route .. "/products" .. (query or ""), client = client })
  end


  -- Injections, from several addresses in turn, until something is there.
  local function attack(route, clients, is_there)
    local n = 0
    return eventually(function()
      n = n + 1
      get(route, clients[n % #clients + 1], INJECTION)
      return is_there()
    end, 20)
  end


  local function plugin_on(route)
    return gw:admin("GET", "/routes/" .. route .. "/plugins").json.data[1]
  end


  it("keeps out whom its service keeps out", function()
    assert.equal(403, get("partners", STRANGER).status)
    assert.equal(200, get("partners", PARTNER).status)

    local made = attack("partners", { ATTACKER }, function() return plugin_on("partners") end)
    assert.same({ "203.0.113.0/24" }, made.config.allow)
    eventually(function() return get("partners", ATTACKER).json.message:find("not allowed", 1, true) end)
    assert.equal(403, get("partners", STRANGER).status)
    assert.equal(200, get("partners", PARTNER).status)
  end)


  it("limits by the longer windows of what is for all routes, too", function()
    local clients = { "192.0.2.21", "192.0.2.22", "192.0.2.23" }
    local config = attack("limited", clients, function() return plugin_on("limited") end).config
    assert.same({ 6, 6, 100 }, { config.second, config.minute, config.hour })
  end)


  it("is not made where code of its service would no longer run", function()
    attack("coded", { "192.0.2.31", "192.0.2.32", "192.0.2.33" }, function()
      return gw:error_log("a pre-function plugin stands on its service that would no longer run there")[1]
    end)
    assert.equal("runs", get("coded", PARTNER).headers["x-code"])
    assert.is_nil(plugin_on("coded"))
  end)
end)
