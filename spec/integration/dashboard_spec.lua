-- The status service on a route of Kong's: who may come in, what it shows, what operators may do.


local gateway = require "spec.support.gateway"


local eventually = gateway.eventually


local CONFIG = [[
_format_version: "3.0"
services:
  - name: shop
    url: http://127.0.0.1:${DEMO_PORT}
    routes:
      - { name: shop, paths: ["/"], strip_path: false }
routes:
  - name: seat
    paths: ["/threat-agent"]
    plugins:
      - { name: key-auth }
      - name: threat-agent-dashboard
        config: { viewer_groups: [security], operator_groups: [leads] }
  - name: everybody
    paths: ["/ops/everybody"]
    plugins:
      - { name: key-auth }
      - { name: threat-agent-dashboard, config: { viewer_groups: ["*"] } }
  - name: nobody
    paths: ["/ops/nobody"]
    plugins:
      - { name: key-auth }
      - { name: threat-agent-dashboard }
  - name: open
    paths: ["/ops/open"]
    plugins:
      - { name: threat-agent-dashboard, config: { viewer_groups: ["*"], operator_groups: ["*"] } }
consumers:
  - username: vera
    keyauth_credentials: [ { key: viewer } ]
    acls: [ { group: security } ]
  - username: otto
    keyauth_credentials: [ { key: operator } ]
    acls: [ { group: leads } ]
  - username: carl
    keyauth_credentials: [ { key: customer } ]
plugins:
  - name: threat-agent
    config:
      mode: enforce
      rules:
        - { id: tool, action: block, ban_s: 600, user_agents: [masscan] }
      response: { ledger_key: an-example-key }
      notifications:
        channels: [ { type: slack, enabled: false, url: "https://hooks.slack.test/services/T000/B000/XXXX" } ]
]]

local INTENT = { ["x-requested-with"] = "threat-agent" }


gateway.describe("the dashboard's route:", {
  config = CONFIG,
  trusted_ips = "127.0.0.1",
  plugins = "bundled,threat-agent,threat-agent-dashboard",
}, function(gw)
  local function ask(key, path, request)
    request = request or {}
    local headers = { apikey = key }
    for name, value in pairs(request.headers or {}) do
      headers[name] = value
    end

    return gw:http({
      method = request.method, path = path, headers = headers, json = request.json, body = request.body,
    })
  end


  local function write(method, path, json)
    return ask("operator", path, { method = method, headers = INTENT, json = json })
  end


  local function shop(client, path)
    return gw:http({ path = path or "/products", client = client }).status
  end


  describe("who may come in", function()
    it("nobody where Kong authenticates nobody", function()
      local response = gw:http({ path = "/ops/open/status" })
      assert.equal(403, response.status)
      assert.matches("authentication plugin", response.json.message, 1, true)
    end)

    local CASES = {
      { "without a key", nil, "/threat-agent/status", 401 },
      { "a customer", "customer", "/threat-agent/status", 403 },
      { "a customer, for the page", "customer", "/threat-agent", 403 },
      { "a viewer", "viewer", "/threat-agent/status", 200 },
      { "an operator", "operator", "/threat-agent/status", 200 },
      { "a customer where everybody may", "customer", "/ops/everybody/status", 200 },
      { "an operator where no group is named", "operator", "/ops/nobody/status", 403 },
    }
    for _, case in ipairs(CASES) do
      it(case[1] .. ": " .. case[4], function()
        local response = ask(case[2], case[3])
        assert.equal(case[4], response.status)
        assert.is_string(response.json.message or response.json.version)
      end)
    end

    it("no plugin of the operator's is passed over", function()
      if gateway.kind == "embedded" then
        return pending("the embedded gateway has no ip-restriction")
      end

      local closed = gateway.start({
        plugins = "bundled,threat-agent,threat-agent-dashboard",
        config = CONFIG:gsub("%- { name: key%-auth }", "%0\n      - { name: ip-restriction, config: { allow: [192.0.2.7] } }"),
      })
      local response = closed:http({ path = "/threat-agent/status", headers = { apikey = "operator" } })
      closed:stop()
      assert.equal(403, response.status)
      assert.matches("not allowed", response.json.message, 1, true)
    end)
  end)


  describe("writing", function()
    local KILL = "/threat-agent/kill"

    local CASES = {
      { "a viewer may not", "viewer", INTENT, 403 },
      { "not without the header that other origins cannot send", "operator", {}, 403 },
      { "not from another site", "operator",
        { ["x-requested-with"] = "threat-agent", ["sec-fetch-site"] = "cross-site" }, 403 },
      { "not from a sibling", "operator",
        { ["x-requested-with"] = "threat-agent", ["sec-fetch-site"] = "same-site" }, 403 },
      { "not from another origin", "operator",
        { ["x-requested-with"] = "threat-agent", origin = "https://evil.example" }, 403 },
      { "not from a page without origin", "operator",
        { ["x-requested-with"] = "threat-agent", origin = "null" }, 403 },
    }
    for _, case in ipairs(CASES) do
      it(case[1], function()
        local response = ask(case[2], KILL, { method = "POST", headers = case[3] })
        assert.equal(case[4], response.status)
        assert.is_false(ask("viewer", "/threat-agent/status").json.actions.killed)
      end)
    end

    it("never by GET", function()
      assert.equal(405, ask("operator", KILL, { headers = INTENT }).status)
    end)

    it("takes JSON only", function()
      local headers = { ["x-requested-with"] = "threat-agent", ["content-type"] = "text/plain" }
      local response = ask("operator", "/threat-agent/bans", { method = "POST", headers = headers, body = "{}" })
      assert.equal(400, response.status)
    end)

    it("switches the agent off and on", function()
      assert.equal(202, write("POST", KILL).status)
      eventually(function() return ask("viewer", "/threat-agent/status").json.actions.killed end)
      local same_origin = { ["x-requested-with"] = "threat-agent", origin = "http://127.0.0.1:" .. gw.proxy_port }
      assert.equal(202, ask("operator", KILL, { method = "DELETE", headers = same_origin }).status)
      eventually(function() return not ask("viewer", "/threat-agent/status").json.actions.killed end)
    end)
  end)


  describe("bans", function()
    local BANS = "/threat-agent/bans"

    local function listed(client)
      for _, entry in ipairs(ask("viewer", BANS).json.data) do
        if entry.client == client then
          return entry
        end
      end
    end

    it("by an operator, listed with name and reason, lifted again; both are in the ledger", function()
      assert.equal(200, shop("192.0.2.50"))
      assert.equal(202, write("POST", BANS, { client = "192.0.2.50", ttl_s = 300, reason = "drill" }).status)
      eventually(function() return shop("192.0.2.50") == 403 end)
      assert.equal(200, shop("192.0.2.51"))

      local entry = eventually(function() return listed("192.0.2.50") end)
      assert.equal("otto", entry.made_by)
      assert.equal("global", entry.scope)
      assert.matches("drill", entry.why, 1, true)
      assert.is_true(ask("viewer", BANS).json.standing >= 1)

      assert.equal(202, write("DELETE", BANS .. "/192.0.2.50").status)
      eventually(function() return shop("192.0.2.50") == 200 end)
      eventually(function() return listed("192.0.2.50") == nil end)

      local ledger = gateway.read_file(gw.prefix .. "/threat-agent/ledger.jsonl")
      assert.matches("drill", ledger, 1, true)
      -- Who did it is a keyed hash, as the client is.
      assert.matches('"why":"lifted by %x+"', ledger)
      assert.is_nil(ledger:find("otto", 1, true))
      assert.is_nil(ledger:find("192.0.2.50", 1, true))
    end)

    it("are undone as an action, too", function()
      assert.equal(202, write("POST", BANS, { client = "2001:db8::50" }).status)
      local entry = eventually(function() return listed("2001:db8::50") end)
      eventually(function() return shop("2001:db8::50") == 403 end)
      assert.equal(202, write("POST", "/threat-agent/actions/" .. entry.action .. "/revert").status)
      eventually(function() return shop("2001:db8::50") == 200 end)
      local action = ask("viewer", "/threat-agent/actions/" .. entry.action).json
      assert.same({ "ban", "reverted" }, { action.action, action.state })
      assert.equal(404, ask("viewer", "/threat-agent/actions/none").status)
      assert.equal(409, write("POST", "/threat-agent/actions/" .. entry.action .. "/revert").status)
    end)

    it("of a consumer, by name", function()
      assert.equal(202, write("POST", BANS, { client = "carl", ttl_s = 60 }).status)
      eventually(function() return ask("customer", "/ops/everybody/status").status == 403 end)
      assert.equal(202, write("DELETE", BANS .. "/carl").status)
      eventually(function() return ask("customer", "/ops/everybody/status").status == 200 end)
    end)

    it("over the Admin API, too", function()
      assert.equal(202, gw:admin("POST", BANS, { client = "192.0.2.55", ttl_s = 60 }).status)
      eventually(function() return shop("192.0.2.55") == 403 end)
      assert.equal(202, gw:admin("DELETE", BANS .. "/192.0.2.55").status)
      eventually(function() return shop("192.0.2.55") == 200 end)
      assert.equal(400, gw:admin("POST", BANS, { ttl_s = 60 }).status)
    end)

    it("lift what a rule or limit made", function()
      local headers = { ["x-forwarded-for"] = "192.0.2.60", ["user-agent"] = "masscan" }
      assert.equal(403, gw:http({ path = "/products", headers = headers }).status)
      assert.equal(403, shop("192.0.2.60"))
      assert.is_nil(listed("192.0.2.60"))
      assert.equal(202, write("DELETE", BANS .. "/192.0.2.60").status)
      eventually(function() return shop("192.0.2.60") == 200 end)
    end)

    local BAD = {
      { "no client", {} },
      { "a client that is none", { client = "not-an-address" } },
      { "a time that is none", { client = "192.0.2.1", ttl_s = 0 } },
      { "a time that is no number", { client = "192.0.2.1", ttl_s = "10m" } },
      { "a place, which it does not have", { client = "192.0.2.1", route = "shop" } },
      { "a reason that is a table", { client = "192.0.2.1", reason = { 1 } } },
    }
    for _, case in ipairs(BAD) do
      it("refused: " .. case[1], function()
        assert.equal(400, write("POST", BANS, case[2]).status)
      end)
    end

    it("of who is protected are refused, with the reason", function()
      assert.equal(202, write("POST", BANS, { client = "127.0.0.9" }).status)
      eventually(function()
        local newest = ask("viewer", "/threat-agent/actions?state=refused").json.data[1]
        return newest and newest.why == "a client is protected"
      end)
      assert.equal(200, shop("127.0.0.9"))
    end)
  end)


  describe("incidents", function()
    local found

    setup(function()
      for n = 1, 60 do
        shop("198.51.100." .. n, "/search?q=1%27+UNION+SELECT+password+FROM+users--+" .. n)
      end
      found = eventually(function()
        return ask("viewer", "/threat-agent/incidents?category=payload_injection").json.data[1]
      end, 20)
    end)

    it("are the Admin API's", function()
      local same = gw:admin("GET", "/threat-agent/incidents?category=payload_injection").json.data[1]
      assert.equal(found.id, same.id)
    end)

    it("by status, category and severity, in pages", function()
      local function total(query)
        return ask("viewer", "/threat-agent/incidents?" .. query).json.total
      end
      assert.is_true(total("status=open") >= 1)
      assert.equal(0, total("status=resolved"))
      assert.equal(0, total("category=mass_error"))
      assert.equal(total(""), total("severity=low") + total("severity=medium") + total("severity=high")
                              + total("severity=critical"))

      local page = ask("viewer", "/threat-agent/incidents?size=1").json
      assert.equal(1, #page.data)
      assert.equal(page.total > 1 and 1 or nil, page.offset)
      assert.equal(400, ask("viewer", "/threat-agent/incidents?size=x").status)
      assert.equal(400, ask("viewer", "/threat-agent/incidents?status=odd").status)
    end)

    it("one by one, with what was done", function()
      local response = ask("viewer", "/threat-agent/incidents/" .. found.id)
      assert.equal(200, response.status)
      assert.equal(found.id, response.json.incident.id)
      assert.is_table(response.json.actions)
      assert.equal(404, ask("viewer", "/threat-agent/incidents/0000000000").status)
    end)

    it("explain the references that clients were given", function()
      local by_request = ask("viewer", "/threat-agent/explain/" .. found.sample_references[1]).json
      assert.equal("request", by_request.kind)
      assert.equal(found.id, by_request.incident.id)
      assert.equal("incident", ask("viewer", "/threat-agent/explain/" .. found.id:lower()).json.kind)
      assert.equal(404, ask("viewer", "/threat-agent/explain/ZZZZZZZZZZ").status)
    end)

    it("stand in the overview, beside traffic, routes and bans", function()
      local overview = ask("viewer", "/threat-agent/overview").json
      assert.equal("vera", overview.by)
      assert.equal("viewer", overview.role)
      assert.is_true(#overview.incidents >= 1)
      assert.is_true(#overview.traffic >= 1)
      assert.is_true(overview.status.enforcing)
      eventually(function()
        return ask("viewer", "/threat-agent/overview").json.routes[1].name == "shop"
      end)
    end)
  end)


  describe("the page", function()
    it("runs nothing but its own script, under a nonce of this one answer", function()
      local first, second = ask("viewer", "/threat-agent"), ask("viewer", "/threat-agent/")
      assert.equal(200, first.status)
      assert.matches("^text/html", first.headers["content-type"])
      local nonce = first.headers["content-security-policy"]:match("script%-src 'nonce%-(%x+)'")
      assert.is_truthy(first.body:find('<script nonce="' .. nonce .. '">', 1, true))
      assert.is_nil(second.body:find(nonce, 1, true))
      assert.is_nil(first.body:find("{{", 1, true))
      assert.is_nil(first.body:find('src="http', 1, true))
      assert.equal("no-store", first.headers["cache-control"])
      assert.equal("nosniff", first.headers["x-content-type-options"])
    end)

    it("has no other paths than it says", function()
      assert.equal(404, ask("viewer", "/threat-agent/no-such-view").status)
      assert.equal(405, ask("operator", "/threat-agent", { method = "POST", headers = INTENT }).status)
    end)
  end)


  describe("metrics", function()
    it("are Prometheus's text, on the route, the Admin API and the Status API", function()
      for _, response in ipairs({
        ask("viewer", "/threat-agent/metrics"),
        gw:admin("GET", "/threat-agent/metrics"),
        gw:status("/threat-agent/metrics"),
      }) do
        assert.equal(200, response.status)
        assert.matches("^text/plain", response.headers["content-type"])
        assert.matches('threat_agent_requests_total{verdict="block"} %d+', response.body)
        assert.matches('threat_agent_incidents_open{category="mass_error"} 0', response.body, 1, true)
        assert.matches("threat_agent_self_test_passed 1", response.body, 1, true)
        assert.matches("threat_agent_region_capacity_keys %d%d%d+", response.body)
      end
    end)

    it("the Status API shows nothing else of incidents", function()
      assert.equal(404, gw:status("/threat-agent/incidents").status)
      assert.equal(404, gw:status("/threat-agent/overview").status)
    end)

    it("reach Kong's prometheus plugin where it is loaded", function()
      if gateway.kind == "embedded" then
        return pending("the embedded gateway has no prometheus plugin")
      end

      local scraped = gateway.start({
        plugins = "bundled,threat-agent",
        config = [[
_format_version: "3.0"
plugins:
  - { name: prometheus }
  - { name: threat-agent, config: { mode: enforce } }
]],
      })
      for n = 1, 64 do
        scraped:http({ path = "/" .. n .. "?q=1%27+UNION+SELECT+password+FROM+users--" })
      end
      local ok, err = pcall(eventually, function()
        local body = scraped:status("/metrics").body
        return body:find("kong_threat_agent_self_test_passed 1", 1, true)
               and body:find('kong_threat_agent_requests_total{verdict="tag"} 0', 1, true)
               and body:find('kong_threat_agent_inspection_seconds_bucket{le="%+Inf"} %d')
               and body:find('kong_threat_agent_score_bucket{le="+Inf"} 64', 1, true)
               and body:find('kong_threat_agent_feedback{category="abuse",verdict="attack"} 0', 1, true)
      end, 20)
      scraped:stop()
      assert.is_true(ok, err)
    end)
  end)


  it("the self-test is in the status, and counts nobody", function()
    local status = ask("viewer", "/threat-agent/status").json
    assert.is_true(status.self_test.passed)
    assert.equal(2, status.self_test.workers)
  end)


  it("the status shows mode and configuration to who may see them, without secrets", function()
    local status = ask("viewer", "/threat-agent/status").json
    assert.equal("enforce", status.mode)
    assert.same({ enforce = 1, monitor = 0 }, status.instances)
    assert.is_number(status.baselines.routes)
    assert.is_true(status.inspection.whole_ratio > 0)
    local configuration = status.configuration
    assert.equal("tool", configuration.rules[1].id)
    assert.equal("https://[redacted]", configuration.notifications.channels[1].url)
    assert.equal("[redacted]", configuration.response.ledger_key)

    local open = gw:status("/threat-agent/status").json
    assert.is_true(open.self_test.passed)
    assert.is_nil(open.configuration)
    assert.is_nil(open.mode)
  end)
end)
