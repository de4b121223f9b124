-- What Kong's log plugins get to see, and what the status says.


local gateway = require "spec.support.gateway"


local CONFIG = [[
_format_version: "3.0"
services:
  - name: shop
    url: http://127.0.0.1:${DEMO_PORT}
    routes:
      - { name: shop, paths: ["/shop"] }
      - { name: keyed, paths: ["/keyed"], plugins: [ { name: key-auth } ] }
plugins:
  - name: file-log
    config: { path: "${PREFIX}/requests.log" }
  - name: threat-agent
    config:
      mode: enforce
      rules:
        - { id: tools, action: block, user_agents: [sqlmap] }
        - { id: odd, action: tag, category: client_anomaly, score: 0.25, headers: [ { name: x-odd } ] }
      payload: { max_body_bytes: 1024 }
]]


gateway.describe("the record", { config = CONFIG }, function(gw)
  local function record_of(uri)
    return gw:logged(function(line) return line.request.uri == uri end).threat_agent
  end


  it("of a clean request tells mode and verdict", function()
    gw:http({ path = "/shop/echo?clean" })
    assert.same({ mode = "enforce", verdict = "allow", score = 0 }, record_of("/shop/echo?clean"))
  end)

  it("of a refused one tells why", function()
    local response = gw:http({ path = "/shop/echo?refused", headers = { ["user-agent"] = "sqlmap" } })
    local record = record_of("/shop/echo?refused")
    assert.equal("block", record.verdict)
    assert.is_true(record.enforced)
    assert.equal("abuse", record.category)
    assert.equal(1, record.score)
    assert.same({ "tools" }, record.rules)
    assert.equal(response.json.incident, record.incident)
  end)

  it("of a tagged one carries category and score", function()
    gw:http({ path = "/shop/echo?tagged", headers = { ["x-odd"] = "1" } })
    local record = record_of("/shop/echo?tagged")
    assert.equal("tag", record.verdict)
    assert.is_false(record.enforced)
    assert.equal("client_anomaly", record.category)
    assert.equal(0.25, record.score)
  end)

  it("names the rule and the place of a payload, and not the payload", function()
    gw:http({ path = "/shop/echo?q=1%27+UNION+SELECT+password+FROM+users--+x" })
    local record = gw:logged(function(line) return line.request.uri:find("UNION", 1, true) end).threat_agent
    assert.equal("payload_injection", record.category)
    assert.matches("^sqli", record.rules[1])
    assert.matches("query.q", record.reason, 1, true)
    assert.is_nil(record.reason:find("password", 1, true))
  end)

  it("tells what was not inspected", function()
    gw:http({ path = "/shop/echo?long", body = ("x"):rep(5000), headers = { ["content-type"] = "text/plain" } })
    local record = record_of("/shop/echo?long")
    assert.same({ "body_too_large" }, record.uninspected)
    assert.equal(5000 - 1024, record.uninspected_bytes)
  end)

  it("sees what no route matched", function()
    gw:http({ path = "/nowhere?q=1%27+UNION+SELECT+password+FROM+users--+y" })
    local record = gw:logged(function(line) return line.request.uri:find("^/nowhere") end).threat_agent
    assert.equal("block", record.verdict)
    assert.equal("payload_injection", record.category)
    assert.is_false(record.enforced)
  end)

  it("sees what authentication refused, but not its body", function()
    gw:http({ path = "/keyed/echo", json = { q = "x" } })
    local record = record_of("/keyed/echo")
    assert.equal("allow", record.verdict)
    assert.same({ "body_not_seen" }, record.uninspected)
    assert.equal(#'{"q":"x"}', record.uninspected_bytes)
  end)


  describe("status", function()
    it("tells that the node enforces, and what it did", function()
      gw:http({ path = "/shop/echo", headers = { ["user-agent"] = "sqlmap" } })
      local status = gw:admin("GET", "/threat-agent/status").json
      assert.is_true(status.enforcing)
      assert.is_nil(status.error)
      assert.is_true(status.node.shared)
      assert.is_false(status.node.bypass)
      assert.equal(2, status.node.workers)
      assert.is_true(status.node.blocked >= 1)
      assert.is_true(status.node.requests > status.node.blocked)
    end)

    it("is on the Status API, too", function()
      assert.equal("0.1.0", gw:status("/threat-agent/status").json.version)
    end)
  end)
end)
