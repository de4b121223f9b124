-- The settings of payload inspection, each on a route of its own.


local cjson = require "cjson.safe"
local gateway = require "spec.support.gateway"
local plugin = require "spec.support.plugin"


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
      - name: excluding
        paths: ["/search"]
        plugins:
          - name: threat-agent
            config:
              mode: enforce
              # What `explain` printed.
              ${EXCLUSION}
      - name: trying
        paths: ["/trying"]
        plugins:
          - name: threat-agent
            config:
              mode: enforce
              payload: { shadow: [sql_injection, model] }
              rules: [ { id: tried, action: block, headers: [ { name: x-odd } ], shadow: true } ]
plugins:
  - { name: file-log, config: { path: "${PREFIX}/requests.log" } }
]]

local SQL = "?q=1%27+UNION+SELECT+username,+password+FROM+users--+-"
local SCRIPT = "?q=%3Cscript%3Ealert(document.cookie)%3C/script%3E"


-- What `threat-agent explain` says is to be pasted for a request, as it stands among other fields.
local function exclusion_for(row)
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  file:write(cjson.encode(row))
  file:close()
  local explained = plugin.cli("explain " .. path)
  os.remove(path)

  local yaml = assert(explained:match("\n(payload:\n.-)\n\n"), explained)
  return (yaml:gsub("\n", "\n" .. (" "):rep(14)))
end


describe(gateway.describe_name("payload settings"), function()
  local gw

  setup(function()
    local exclusion = exclusion_for({
      source = "spec", label = "benign", category = "search", method = "GET", path = "/search", query = SQL:sub(2),
    })
    gw = gateway.start({ config = (CONFIG:gsub("%${EXCLUSION}", function() return exclusion end)) })
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


  describe("what one look does not reach", function()
    -- Suspicious by their looks, each in its own way, and nothing.
    local function padding(count)
      local values = {}
      for i = 1, count do
        values[i] = ("it's <b>%d"):format(i)
      end
      return values
    end

    local function post(path, values)
      return gw:http({
        method = "POST",
        path = path,
        headers = { ["content-type"] = "application/json" },
        body = cjson.encode(values),
      })
    end

    local function with_attack(values)
      values[#values + 1] = "1' union select null,password from users-- "
      return values
    end

    -- nginx hands longer bodies to a file, and they are asked about after their head.
    for size, count in pairs({ short = 500, long = 3000 }) do
      it("is looked at again: a " .. size .. " body", function()
        local uri = "/refuses?behind-" .. size
        assert.equal(403, post(uri, with_attack(padding(count))).status)
        local record = record_of(uri)
        assert.equal("payload_injection", record.category)
        assert.matches("sqli", record.reason, 1, true)
        assert.is_nil(record.uninspected)

        uri = "/refuses?harmless-" .. size
        assert.equal(200, post(uri, padding(count)).status)
        assert.same({ mode = "enforce", verdict = "allow", score = 0 }, record_of(uri))
      end)
    end

    it("is looked at again: cookies", function()
      local function get(uri, last)
        local headers = { "GET " .. uri .. " HTTP/1.1", "Host: a.example", "Connection: close" }
        for line = 1, 3 do
          local cookies = {}
          for i = 1, 160 do
            cookies[i] = ("c%d=it's '%d' (c) <d> & e=f"):format(i, i)
          end
          headers[#headers + 1] = "Cookie: " .. table.concat(cookies, "; ")
        end
        headers[#headers + 1] = "X-Note: " .. last
        return gw:raw(table.concat(headers, "\r\n") .. "\r\n\r\n")
      end

      assert.matches("^HTTP/1.1 403", get("/refuses?cookies", "1' union select null,password from users-- "))
      assert.equal("payload_injection", record_of("/refuses?cookies").category)
      assert.matches("^HTTP/1.1 200", get("/refuses?crumbs", "fine"))
    end)

    it("is only told in monitor mode", function()
      assert.equal(200, post("/watches?behind", with_attack(padding(3000))).status)
      local record = record_of("/watches?behind")
      assert.equal("block", record.verdict)
      assert.is_false(record.enforced)
    end)

    it("makes no second request of it", function()
      local function counted(values)
        local before = gw:status("/threat-agent/status").json.node.requests
        assert.equal(200, post("/passes", values).status)
        return gw:status("/threat-agent/status").json.node.requests - before
      end

      assert.equal(counted({ "fine" }), counted(padding(3000)))
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


  describe("the exclusion that explain prints", function()
    it("clears its finding", function()
      assert.equal(200, gw:http({ path = "/search" .. SQL }).status)
      assert.same({ mode = "enforce", verdict = "allow", score = 0 }, record_of("/search" .. SQL))
    end)

    it("clears nothing else", function()
      assert.equal(403, gw:http({ path = "/search" .. SCRIPT }).status)
      assert.equal(403, gw:http({ path = "/search?q=..%2f..%2f..%2f..%2fetc%2fpasswd" }).status)
      assert.equal(403, gw:http({ path = "/search?other=" .. SQL:sub(4) }).status)
      assert.equal(403, gw:http({ path = "/search/deeper" .. SQL }).status)
      assert.equal(403, gw:http({ path = "/passes" .. SQL }).status)
    end)
  end)


  describe("shadow rules", function()
    it("are logged and counted, and not acted upon", function()
      local before = gw:status("/threat-agent/status").json.node.shadowed
      local response = gw:http({ path = "/trying" .. SQL })
      assert.equal(200, response.status)
      assert.is_nil(response.json.headers["x-threat-agent-verdict"])
      local record = record_of("/trying" .. SQL)
      assert.equal("allow", record.verdict)
      assert.is_nil(record.rules)
      assert.equal("block", record.shadow.verdict)
      assert.matches("^sqli%.", record.shadow.rules[1])
      assert.is_true(record.shadow.score > 0.5)
      assert.equal(before + 1, gw:status("/threat-agent/status").json.node.shadowed)
      gateway.eventually(function()
        local metrics = gw:status("/threat-agent/metrics").body
        return metrics:find('threat_agent_shadow_total{rule="sqli.union",verdict="block"} 1', 1, true)
      end)
    end)

    it("leave the others as they are", function()
      assert.equal(403, gw:http({ path = "/trying" .. SCRIPT }).status)
    end)

    it("may be the operator's own", function()
      assert.equal(200, gw:http({ path = "/trying?own", headers = { ["x-odd"] = "1" } }).status)
      assert.same({ rules = { "tried" }, verdict = "block", score = 1 }, record_of("/trying?own").shadow)
    end)
  end)
end)
