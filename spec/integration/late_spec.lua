-- A write that the agent waited for no longer lands after what it was for was taken back: it is found and taken back. So is
-- one whose leader was killed while it waited. One that takes back what was done lands over nothing that came after it.


local faults = require "spec.support.faults"
local gateway = require "spec.support.gateway"


local eventually = gateway.eventually

local PROXY_PORT = gateway.free_port()


local CONFIG = [[
_format_version: "3.0"
services:
  - { name: shop, url: "http://127.0.0.1:${DEMO_PORT}", routes: [{ name: late, paths: [/late] }, { name: next, paths: [/next] },
                                                                     { name: killed, paths: [/killed] }, { name: after, paths: [/after] },
                                                                     { name: undone, paths: [/undone] }, { name: then, paths: [/then] }] }
plugins:
  - name: threat-agent
    config:
      mode: enforce
      response:
        admin_api: { url: "http://127.0.0.1:]] .. PROXY_PORT .. [[", timeout_ms: 500 }
        blast_radius: { good_ratio: 1 }
        policies:
          - { id: all, min_confidence: 0.3, min_severity: low,
              steps: [{ action: restrict_route, methods: [GET, POST], ttl_s: 600, verify_after_s: 600 }] }
]]


gateway.describe("a write that lands late", { config = CONFIG, trusted_ips = "127.0.0.1" }, function(gw)
  local proxy

  setup(function()
    proxy = faults.start(gw, PROXY_PORT, "pass")
  end)

  teardown(function()
    proxy:stop()
  end)


  local function methods(route)
    local list = gw:admin("GET", "/routes/" .. route).json.methods
    return type(list) == "table" and table.concat(list, ",") or ""
  end


  it("is taken back, and what came between is not lost", function()
    proxy:mode("writes:later")
    gw:stuff("late", "192.0.2.1")
    local record = eventually(function()
      local found = gw:records("late")[1]
      return found and found.failure and found
    end, 20)
    proxy:mode("pass")
    assert.equal(202, gw:agent("POST", "/actions/" .. record.id .. "/revert").status)
    gw:in_state("late", "reverting", 10)
    assert.equal("", methods("late"))
    -- Another action meanwhile.
    gw:stuff("next", "192.0.2.2")

    eventually(function() return methods("late") == "GET,POST" end, 20)
    assert.equal("reverting", gw:records("late")[1].state)
    -- What landed shows, so that others are written again, long before the minute is over.
    gw:in_state("next", "active", 30)
    gw:in_state("late", "reverted", 140)
    assert.equal("", methods("late"))
    assert.equal("GET,POST", methods("next"))
  end)


  it("is taken back where its leader was killed while it waited, and what came after that is not lost", function()
    proxy:mode("writes:kill-later")
    gw:stuff("killed", "192.0.2.3")
    eventually(function() return proxy:has_passed() end, 20)
    local record = gw:in_state("killed", "active", 30)
    assert.equal(202, gw:agent("POST", "/actions/" .. record.id .. "/revert").status)
    gw:in_state("killed", "reverting", 10)
    gw:stuff("after", "192.0.2.4")
    eventually(function() return methods("killed") == "" end, 20)

    eventually(function() return methods("killed") == "GET,POST" end, 30)
    gw:in_state("killed", "reverted", 140)
    gw:in_state("after", "active", 140)
    assert.equal("", methods("killed"))
    assert.equal("GET,POST", methods("after"))
  end)


  it("does not land over what came after it where it took back, and its leader was killed while it waited", function()
    gw:stuff("undone", "192.0.2.5")
    local record = gw:in_state("undone", "active", 30)
    local before = proxy:count("landed")
    proxy:mode("writes:kill-later")
    assert.equal(202, gw:agent("POST", "/actions/" .. record.id .. "/revert").status)
    eventually(function() return proxy:has_passed() end, 20)
    gw:in_state("undone", "reverted", 140)
    gw:stuff("then", "192.0.2.6")
    gw:in_state("then", "active", 140)

    eventually(function() return proxy:count("landed") > before end, 40)
    assert.equal("", methods("undone"))
    assert.equal("GET,POST", methods("then"))
  end)
end)
