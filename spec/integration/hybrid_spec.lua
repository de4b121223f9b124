-- Hybrid mode: the data plane has no Admin API; it bans by itself and writes to its control plane.


local cjson = require "cjson.safe"
local gateway = require "spec.support.gateway"
local cli = require("spec.support.plugin").cli


if gateway.kind ~= "kong-hybrid" then
  return
end


local eventually = gateway.eventually


local CONFIG = [[
_format_version: "3.0"
services:
  - name: shop
    url: http://127.0.0.1:${DEMO_PORT}
    routes:
      - { name: limited, paths: [/limited] }
      - { name: ending, paths: [/ending] }
      - { name: beginning, paths: [/beginning] }
      - { name: banned, paths: [/banned] }
plugins:
  - name: threat-agent
    config:
      mode: enforce
      response:
        admin_api: { url: "http://127.0.0.1:${ADMIN_PORT}" }
        policies:
          - id: limited
            routes: [limited, ending]
            min_confidence: 0.3
            min_severity: low
            steps: [{ action: rate_limiting, per_minute: 5, ttl_s: 10, verify_after_s: 600 }]
          - id: beginning
            routes: [beginning]
            min_confidence: 0.3
            min_severity: low
            steps: [{ action: rate_limiting, per_minute: 5, ttl_s: 600, verify_after_s: 600 }]
          - id: banned
            routes: [banned]
            min_confidence: 0.3
            min_severity: low
            steps: [{ action: ban, ttl_s: 600, verify_after_s: 600 }]
]]


gateway.describe("a data plane", { config = CONFIG, trusted_ips = "127.0.0.1" }, function(gw)
  -- The data plane's own file: its actions have no Admin API to stand on.
  local function action(route, state)
    return eventually(function()
      for _, record in ipairs(gw:records(route)) do
        if record.state == state then
          return record
        end
      end
    end, 60)
  end


  local function limit(route)
    for _, plugin in ipairs(gw:admin("GET", "/routes/" .. route .. "/plugins").json.data) do
      if plugin.name == "rate-limiting" then
        return plugin
      end
    end
  end


  -- It starts with none, and must not take back for all data planes what is new to itself.
  it("takes the first configuration that comes for no change", function()
    local known = eventually(function()
      return cjson.decode(gateway.read_file(gw.prefix .. "/threat-agent/configuration.json"))
    end)
    local names = {}
    for _, service in pairs(known.services) do
      names[#names + 1] = service.name
    end
    assert.same({ "shop" }, names)
    assert.equal("[]", gateway.read_file(gw.prefix .. "/threat-agent/changes.json"))
  end)


  it("writes to its control plane, and the change comes back to it", function()
    gw:stuff("limited", "192.0.2.10")
    local record = action("limited", "active")
    assert.equal("admin_api", record.tier)
    assert.equal(5, limit("limited").config.minute)
    eventually(function()
      return gw:http({ path = "/limited/products" }).headers["ratelimit-limit"] == "5"
    end, 20)

    action("limited", "expired")
    assert.is_nil(limit("limited"))
  end)


  it("takes part in a drill, which asks on its dashboard", function()
    local output, ended_well = cli(("drill --json --proxy http://127.0.0.1:%d --path /banned/products --client 192.0.2.40 "
                                           .. "--dashboard http://127.0.0.1:%d%s --header 'apikey: %s'"):format(
      gw.proxy_port, gw.proxy_port, gateway.seat.path, gateway.seat.headers.apikey))
    assert.is_true(ended_well, output)
    local report = cjson.decode(output)
    assert.same({ "ban", "active" }, { report.action, report.action_state })
    assert.same({ 200, 403, 200 }, { report.status_before, report.status_during, report.status_after })
    assert.is_true(report.reverted)
  end)


  it("is not what its control plane's kill switch is for, which says so", function()
    local answer = gw:admin("POST", "/threat-agent/kill")
    assert.equal(503, answer.status)
    assert.matches("this control plane acts for no data plane", answer.json.message)
  end)


  it("bans in memory while its control plane is away, and does the rest when it is back", function()
    gw:stuff("ending", "192.0.2.30")
    action("ending", "active")
    gw:control("stop")
    gw:stuff("beginning", "192.0.2.31")
    gw:stuff("banned", "192.0.2.20")
    assert.equal("memory", action("banned", "active").tier)
    assert.equal(403, gw:http({ path = "/banned/products", client = "192.0.2.20" }).status)
    assert.equal(200, gw:http({ path = "/banned/products", client = "192.0.2.21" }).status)

    eventually(function() return (action("ending", "reverting").tries or 0) >= 2 end, 30)
    assert.equal(1, gw:agent("GET", "/status").json.actions.queued)
    assert.equal(0, #gw:records("beginning"))
    assert.is_true(#gw:error_log("not planned: could not reach the Admin API") > 0)
    assert.equal(200, gw:http({ path = "/ending/products" }).status)

    gw:control("start")
    action("ending", "expired")
    assert.is_nil(limit("ending"))
    action("beginning", "active")
    eventually(function()
      return gw:http({ path = "/beginning/products" }).headers["ratelimit-limit"] == "5"
    end, 20)
  end)
end)
