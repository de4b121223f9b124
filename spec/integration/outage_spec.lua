-- The Admin API takes what is sent and does not answer: what is done in memory, and the kill switch, wait for nothing.


local faults = require "spec.support.faults"
local gateway = require "spec.support.gateway"
local socket = require "socket"


local eventually = gateway.eventually

local PROXY_PORT = gateway.free_port()
local QUEUED = 12
-- What is told for the promise of 1.5 s, on a machine that does other things as well.
local SOON_S = 4


local function routes()
  local lines = {}
  for n = 1, QUEUED do
    lines[n] = ("      - { name: queued-%02d, paths: [/queued-%02d] }\n"):format(n, n)
  end

  return table.concat(lines)
end


local CONFIG = [[
_format_version: "3.0"
services:
  - name: shop
    url: http://127.0.0.1:${DEMO_PORT}
    routes:
      - { name: banned, paths: [/banned] }
      - { name: planned, paths: [/planned] }
]] .. routes() .. [[
plugins:
  - name: threat-agent
    config:
      mode: enforce
      behaviour: { action: tag }
      response:
        admin_api: { url: "http://127.0.0.1:]] .. PROXY_PORT .. [[" }
        blast_radius: { good_ratio: 1, route_ratio: 1 }
        budget: { per_minute: 100 }
        policies:
          - { id: ban, routes: [banned], min_confidence: 0.3, min_severity: low,
              steps: [{ action: ban, ttl_s: 600, verify_after_s: 600 }] }
          - { id: all, min_confidence: 0.3, min_severity: low,
              steps: [{ action: restrict_route, methods: [GET, POST], ttl_s: 600, verify_after_s: 600 }] }
]]


describe(gateway.describe_name("while the Admin API does not answer,"), function()
  local gw, proxy

  local function status_of(client)
    return gw:http({ path = "/banned/products", client = client }).status
  end


  local function queued()
    return gw:agent("GET", "/status").json.actions.queued
  end


  setup(function()
    gw = gateway.start({ config = CONFIG, trusted_ips = "127.0.0.1" })
    proxy = faults.start(gw, PROXY_PORT, "writes:500")
    for n = 1, QUEUED do
      gw:stuff(("queued-%02d"):format(n), "192.0.2." .. n)
    end
    eventually(function() return queued() == QUEUED end, 60)
    proxy:mode("hang")
    -- Somebody waits.
    eventually(function() return #gw:error_log("timeout") > 0 end, 90)
  end)

  teardown(function()
    proxy:stop()
    gw:stop()
  end)


  it("a new attacker is refused as soon as ever", function()
    -- An action that is not even planned without an answer.
    gw:stuff("planned", "198.51.100.3")
    local since = socket.gettime()
    gw:stuff("banned", "198.51.100.1")
    eventually(function() return status_of("198.51.100.1") == 403 end, SOON_S)
    assert.is_true(socket.gettime() - since < SOON_S)
    assert.equal(QUEUED, queued())
  end)


  it("so is one whom an operator bans, and is let in again", function()
    assert.equal(202, gw:agent("POST", "/bans", { client = "198.51.100.2", reason = "seen" }).status)
    eventually(function() return status_of("198.51.100.2") == 403 end, SOON_S)
    assert.equal(202, gw:agent("DELETE", "/bans/198.51.100.2").status)
    eventually(function() return status_of("198.51.100.2") == 200 end, SOON_S)
  end)


  it("the kill switch lifts what is in memory at once, and the rest when it answers", function()
    assert.equal(202, gw:agent("POST", "/kill").status)
    eventually(function() return status_of("198.51.100.1") == 200 end, SOON_S)
    proxy:mode("pass")
    eventually(function()
      for _, record in ipairs(gw:records()) do
        if record.state ~= "reverted" and record.state ~= "refused" then
          return false
        end
      end
      return true
    end, 90)
    for n = 1, QUEUED do
      assert.not_equal("table", type(gw:admin("GET", ("/routes/queued-%02d"):format(n)).json.methods))
    end
  end)
end)
