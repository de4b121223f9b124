-- The settings of payload inspection, each on a route of its own.


local gateway = require "spec.support.gateway"


local CONFIG = [[
_format_version: "3.0"
services:
  - name: echo
    url: http://127.0.0.1:${DEMO_PORT}/echo
    routes:
      - name: passes
        paths: ["/passes"]
        plugins: [ { name: threat-agent, config: { mode: enforce } } ]
      - name: flags
        paths: ["/flags"]
        plugins: [ { name: threat-agent, config: { mode: enforce, payload: { on_uninspected: flag } } } ]
      - name: refuses
        paths: ["/refuses"]
        plugins: [ { name: threat-agent, config: { mode: enforce, payload: { on_uninspected: block } } } ]
      - name: watches
        paths: ["/watches"]
        plugins: [ { name: threat-agent, config: { mode: monitor, payload: { on_uninspected: block } } } ]
      - name: lenient
        paths: ["/lenient"]
        plugins:
          - name: threat-agent
            config: { mode: enforce, payload: { threshold: 1, thresholds: { sql_injection: 0.5 } } }
      - name: silent
        paths: ["/silent"]
        plugins:
          - name: threat-agent
            config: { mode: enforce, payload: { threshold: 1, detection_threshold: 1 } }
plugins:
  - { name: file-log, config: { path: "${PREFIX}/requests.log" } }
]]

local SQL = "?q=1%27+UNION+SELECT+username,+password+FROM+users--+-"
local SCRIPT = "?q=%3Cscript%3Ealert(document.cookie)%3C/script%3E"


describe(gateway.describe_name("payload settings"), function()
  local gw

  setup(function()
    gw = gateway.start({ config = CONFIG })
  end)

  teardown(function()
    gw:stop()
  end)


  local function record_of(uri)
    return gw:logged(function(line) return line.request.uri == uri end).threat_agent
  end


  describe("what could not be inspected", function()
    local function post(path, body, encoding)
      return gw:http({
        method = "POST",
        path = path,
        headers = { ["content-type"] = "application/json", ["content-encoding"] = encoding },
        body = body,
      })
    end

    local CASES = {
      body_too_large = { '{"pad":"' .. ("x"):rep(100000) .. '"}' },
      body_encoded = { "\31\139\8\0", "gzip" },
      over_budget = { ("["):rep(20000) .. ("]"):rep(20000) },
      malformed = { '{"a":[1,2],"b":' },
    }

    for reason, case in pairs(CASES) do
      it("passes, is flagged or refused: " .. reason, function()
        local uri = "/passes?" .. reason
        assert.equal(200, post(uri, unpack(case)).status)
        local record = record_of(uri)
        assert.equal("allow", record.verdict)
        assert.same({ reason }, record.uninspected)
        assert.is_nil(record.rules)

        uri = "/flags?" .. reason
        local response = post(uri, unpack(case))
        assert.equal(200, response.status)
        record = record_of(uri)
        assert.equal("tag", record.verdict)
        assert.same({ "uninspected." .. reason }, record.rules)
        assert.matches(reason, record.reason, 1, true)
        assert.equal("tag; category=abuse; score=0.00", response.json.headers["x-threat-agent-verdict"])
        assert.equal(record.incident, response.json.headers["x-threat-agent-incident"])

        uri = "/refuses?" .. reason
        response = post(uri, unpack(case))
        assert.equal(403, response.status)
        record = record_of(uri)
        assert.equal("block", record.verdict)
        assert.same({ reason }, record.uninspected)
        assert.equal(record.incident, response.json.incident)
      end)
    end

    it("is only told in monitor mode", function()
      assert.equal(200, post("/watches", unpack(CASES.malformed)).status)
      local record = record_of("/watches")
      assert.equal("block", record.verdict)
      assert.is_false(record.enforced)
    end)

    it("lets whole requests pass", function()
      assert.equal(200, post("/refuses?whole", '{"a":"fine"}').status)
      assert.equal(200, gw:http({ path = "/refuses?get" }).status)
    end)
  end)


  describe("thresholds", function()
    it("hold for single families", function()
      assert.equal(403, gw:http({ path = "/lenient" .. SQL }).status)
      assert.equal(200, gw:http({ path = "/lenient" .. SCRIPT }).status)
    end)

    it("let findings be recorded that are not refused", function()
      gw:http({ path = "/lenient" .. SCRIPT .. "&recorded" })
      local record = record_of("/lenient" .. SCRIPT .. "&recorded")
      assert.equal("allow", record.verdict)
      assert.equal("payload_injection", record.category)
      assert.matches("^xss%.", record.rules[1])
    end)

    it("leave out what is below detection", function()
      assert.equal(200, gw:http({ path = "/silent" .. SQL }).status)
      assert.same({ mode = "enforce", verdict = "allow", score = 0 }, record_of("/silent" .. SQL))
    end)
  end)
end)
