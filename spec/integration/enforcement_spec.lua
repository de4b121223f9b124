-- What the plugin refuses, tags and lets pass, and on whose configuration.


local gateway = require "spec.support.gateway"


local CONFIG = [[
_format_version: "3.0"
services:
  - name: shop
    url: http://127.0.0.1:${DEMO_PORT}
    routes:
      - { name: shop, paths: ["/"], strip_path: false }
      - name: login
        paths: ["/login"]
        strip_path: false
        plugins:
          - name: threat-agent
            config:
              mode: enforce
              limits:
                - { id: login-failures, by: client_ip, count: auth_failures, window: 60s, limit: 5,
                    action: block, ban_s: 60 }
  - name: echo
    url: http://127.0.0.1:${DEMO_PORT}/echo
    routes:
      - { name: echo, paths: ["/slow", "/tagged"] }
      - name: monitored
        paths: ["/monitored"]
        plugins:
          - name: threat-agent
            config:
              mode: monitor
              rules:
                - { id: all, action: block, methods: [GET], ban_s: 60 }
      - name: per-consumer
        paths: ["/consumer"]
        plugins:
          - { name: key-auth }
          - name: threat-agent
            config:
              mode: enforce
              limits:
                - { id: consumer-rate, by: consumer, window: 1h, limit: 3 }
      - name: per-client
        paths: ["/client"]
        plugins:
          - { name: key-auth }
          - name: threat-agent
            config:
              mode: enforce
              limits:
                - { id: bad-keys, by: client_ip, count: auth_failures, window: 60s, limit: 3, action: block,
                    ban_s: 60, scope: global }
      - name: throttled-payload
        paths: ["/throttled-payload"]
        plugins:
          - name: threat-agent
            config:
              mode: enforce
              rules:
                - { id: tag-first, action: tag, methods: [GET] }
                - { id: then-allow, action: allow, headers: [ { name: x-allow } ] }
              payload: { action: throttle }
      - name: per-route
        paths: ["/route"]
        plugins:
          - name: threat-agent
            config:
              mode: enforce
              limits:
                - { id: route-rate, by: route, window: 1h, limit: 4 }
      - name: allowed
        paths: ["/allowed"]
        plugins:
          - name: threat-agent
            config:
              mode: enforce
              allowlist: { cidrs: ["198.51.100.0/24"] }
              rules:
                - { id: none-but-listed, action: block, methods: [GET] }
consumers:
  - { username: alice, keyauth_credentials: [ { key: alice-key } ] }
  - { username: bob, keyauth_credentials: [ { key: bob-key } ] }
plugins:
  - name: threat-agent
    config:
      mode: enforce
      rules:
        - { id: health, action: allow, paths: ["/status/200"] }
        - { id: tools, action: block, user_agents: [sqlmap, nikto, acme-crawler] }
        - { id: office, action: block, cidrs: ["203.0.113.0/24"], paths: ["/orders"] }
        - { id: debug, action: block, headers: [ { name: X-Debug, pattern: "^on$" } ] }
        - { id: purge, action: block, methods: [PURGE] }
        - { id: banned-tool, action: block, ban_s: 60, user_agents: [masscan] }
        - { id: expression, action: throttle, expression: 'http.path ^= "/slow" && net.src.ip in 192.0.2.0/24' }
        - { id: suspicious, action: tag, score: 0.4, paths: ["/tagged"] }
      limits:
        - { id: client-rate, by: client_ip, window: 1h, limit: 50 }
]]


-- Each spec speaks from an address of its own, because counts and bans outlive it.
local next_client = 0

local function new_client()
  next_client = next_client + 1
  return "192.0.2." .. next_client
end


gateway.describe("enforcement", { config = CONFIG, trusted_ips = "127.0.0.1" }, function(gw)
  local function get(client, path, headers, more)
    local request = { path = path, headers = { ["x-forwarded-for"] = client } }
    for name, value in pairs(headers or {}) do
      request.headers[name] = value
    end
    for name, value in pairs(more or {}) do
      request[name] = value
    end

    return gw:http(request)
  end


  local function assert_blocked(response)
    assert.equal(403, response.status, response.body)
    assert.equal("Request blocked", response.json.message)
    assert.matches("^%w%w%w%w%w%w%w%w%w%w$", response.json.incident)
    assert.equal(response.json.incident, response.headers["x-threat-agent-incident"])
  end


  describe("rules", function()
    local CASES = {
      { "by user agent", "/", { ["user-agent"] = "SQLMap/1.7" } },
      { "by header", "/", { ["x-debug"] = "on" } },
      { "by address and path", "/orders/1", { ["x-forwarded-for"] = "203.0.113.9" } },
      { "by a path that hides", "/%6frders//1", { ["x-forwarded-for"] = "203.0.113.9" } },
      { "by method", "/", nil, { method = "PURGE" } },
    }
    for _, case in ipairs(CASES) do
      it("refuse " .. case[1], function()
        assert_blocked(get(new_client(), case[2], case[3], case[4]))
      end)
    end

    it("let pass what meets only a part of the conditions", function()
      assert.equal(200, get("203.0.113.9", "/products").status)
      assert.equal(200, get(new_client(), "/", { ["x-debug"] = "only" }).status)
    end)

    it("throttle by an expression", function()
      local response = get(new_client(), "/slow")
      assert.equal(429, response.status)
      assert.equal("Too many requests", response.json.message)
      assert.equal("1", response.headers["retry-after"])
      assert.equal(200, get("198.51.100.77", "/slow").status)
    end)

    it("allow before all that follows", function()
      assert.equal(200, get(new_client(), "/status/200", { ["user-agent"] = "nikto" }).status)
    end)

    it("tag for the upstream, whatever the client says itself", function()
      local headers = get(new_client(), "/tagged", {
        ["x-threat-agent-verdict"] = "clean",
        ["x-threat-agent-other"] = "1",
        ["x_threat_agent_verdict"] = "clean",
      }).json.headers
      assert.equal("tag; category=abuse; score=0.40", headers["x-threat-agent-verdict"])
      assert.matches("^%w+$", headers["x-threat-agent-incident"])
      assert.is_nil(headers["x-threat-agent-other"])
      assert.is_nil(headers["x_threat_agent_verdict"])
    end)

    it("ban the client on the whole node", function()
      local client = new_client()
      assert_blocked(get(client, "/", { ["user-agent"] = "masscan" }))
      local response = get(client, "/products")
      assert_blocked(response)
      assert_blocked(get(client, "/no-such-place"))
      assert.equal(200, get(new_client(), "/products").status)
    end)
  end)


  describe("limits", function()
    it("throttle a client above its rate, and tell when to come again", function()
      local client = new_client()
      for _ = 1, 50 do
        assert.equal(200, get(client, "/status/204?x").status == 204 and 200)
      end
      local response = get(client, "/products")
      assert.equal(429, response.status)
      assert.is_true(tonumber(response.headers["retry-after"]) >= 1)
      assert.equal(200, get(new_client(), "/products").status)
    end)

    it("take ::ffff:a.b.c.d for a.b.c.d", function()
      local client = new_client()
      assert_blocked(get("::ffff:" .. client, "/", { ["user-agent"] = "masscan" }))
      assert_blocked(get(client, "/products"))
    end)

    it("count an IPv6 /64 as one client", function()
      assert_blocked(get("2001:db8:7::1", "/", { ["user-agent"] = "masscan" }))
      assert_blocked(get("2001:db8:7::ffff", "/products"))
      assert.equal(200, get("2001:db8:8::1", "/products").status)
    end)

    it("count consumers apart", function()
      for _ = 1, 3 do
        assert.equal(200, get(new_client(), "/consumer", { apikey = "alice-key" }).status)
      end
      assert.equal(429, get(new_client(), "/consumer", { apikey = "alice-key" }).status)
      assert.equal(200, get(new_client(), "/consumer", { apikey = "bob-key" }).status)
    end)

    it("count a route over all its clients", function()
      for _ = 1, 4 do
        assert.equal(200, get(new_client(), "/route").status)
      end
      assert.equal(429, get(new_client(), "/route").status)
    end)

    it("refuse who fails to log in too often, there and only there", function()
      local client = new_client()
      local function login(password)
        return get(client, "/login", nil, { json = { username = "alice", password = password } })
      end
      for n = 1, 5 do
        assert.equal(401, login("wrong-" .. n).status)
      end
      -- The outcome is counted in `log`, which runs after the response.
      gateway.eventually(function() return login("wrong").status == 403 end)
      assert_blocked(login("wrong"))
      assert.equal(200, get(client, "/products").status)
    end)

    it("count failures also where the request carries an attack that nobody refused", function()
      local client = new_client()
      for _ = 1, 3 do
        assert.equal(401, get(client, "/client?q=1%27+UNION+SELECT+a+FROM+b--+x", { apikey = "none" }).status)
      end
      gateway.eventually(function()
        return get(client, "/client", { apikey = "alice-key" }).status == 403
      end)
    end)

    it("refuse before a long body is there", function()
      local client = new_client()
      for _ = 1, 50 do
        get(client, "/status/204")
      end
      local answer = gw:raw("POST /cart HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: " .. client
        .. "\r\nConnection: close\r\nContent-Length: 500000000\r\n\r\nx", 5)
      assert.matches("^HTTP/1.1 429", answer)
    end)

    it("count a request with a long body once", function()
      local client = new_client()
      local body = '{"note":"' .. ("x"):rep(10000) .. '"}'
      for _ = 1, 50 do
        assert.equal(200, get(client, "/tagged", { ["content-type"] = "application/json" }, { body = body }).status)
      end
      assert.equal(429, get(client, "/tagged", { ["content-type"] = "application/json" }, { body = body }).status)
    end)
  end)


  describe("payload", function()
    local ATTACK = "1' UNION SELECT username, password FROM users-- -"
    local function encoded(text)
      return (text:gsub("[^%w]", function(c) return ("%%%02x"):format(c:byte()) end))
    end

    local CASES = {
      { "in the query", { path = "/search?q=" .. encoded(ATTACK) } },
      { "encoded twice", { path = "/search?q=" .. encoded(encoded(ATTACK)) } },
      { "in the path", { path = "/products/" .. encoded(ATTACK) } },
      { "in a header", { path = "/", headers = { referer = "http://x/?q=" .. ATTACK } } },
      { "in a form", {
        path = "/echo",
        method = "POST",
        headers = { ["content-type"] = "application/x-www-form-urlencoded" },
        body = "a=1&q=" .. encoded(ATTACK),
      } },
      { "in JSON", { path = "/cart", method = "POST", json = { item = { { note = ATTACK } } } } },
      { "in JSON that says it is text", {
        path = "/echo",
        method = "POST",
        headers = { ["content-type"] = "text/plain" },
        body = '{"q":"' .. ATTACK .. '"}',
      } },
      { "cross-site scripting", { path = "/search?q=" .. encoded("<script>alert(document.cookie)</script>") } },
      { "behind a header that asks for an upgrade", {
        path = "/cart", method = "POST", headers = { upgrade = "x" }, json = { note = ATTACK },
      } },
      { "as a body that calls itself gRPC", {
        path = "/cart", method = "POST", headers = { ["content-type"] = "application/grpcx" },
        body = '{"note":"' .. ATTACK .. '"}',
      } },
      { "in JSON with a long body", { path = "/cart", method = "POST",
        json = { note = ATTACK, pad = ("x"):rep(20000) } } },
      { "path traversal", { path = "/echo?file=" .. encoded("../../../../etc/passwd") } },
    }
    for _, case in ipairs(CASES) do
      it("is refused " .. case[1], function()
        local request = case[2]
        request.headers = request.headers or {}
        request.headers["x-forwarded-for"] = new_client()
        assert_blocked(gw:http(request))
      end)
    end

    it("may be throttled, with a time to wait", function()
      local response = get(new_client(), "/throttled-payload?q=" .. encoded(ATTACK))
      assert.equal(429, response.status)
      assert.equal("1", response.headers["retry-after"])
    end)

    it("is not looked at where a rule allows, and earlier tags are gone", function()
      local response = get(new_client(), "/throttled-payload?q=" .. encoded(ATTACK), { ["x-allow"] = "1" })
      assert.equal(200, response.status)
      assert.is_nil(response.json.headers["x-threat-agent-verdict"])
    end)

    it("of ordinary users passes", function()
      for _, path in ipairs({ "/search?q=o%27brien", "/search?q=select+a+gift", "/products?page=2&sort=-price" }) do
        assert.equal(200, get(new_client(), path).status, path)
      end
    end)
  end)


  describe("configuration", function()
    it("in monitor mode does nothing, and bans nobody", function()
      local client = new_client()
      local response = get(client, "/monitored", { ["user-agent"] = "sqlmap" })
      assert.equal(200, response.status)
      assert.is_nil(response.json.headers["x-threat-agent-verdict"])
      assert.equal(200, get(client, "/monitored").status)
      assert.equal(200, get(client, "/products").status)
    end)

    it("of the narrowest instance wins", function()
      assert.equal(401, get(new_client(), "/login", { ["user-agent"] = "acme-crawler" },
        { json = { username = "alice", password = "no" } }).status)
    end)

    it("lets the allowlist pass uncounted", function()
      assert.equal(200, get("198.51.100.4", "/allowed").status)
      assert_blocked(get(new_client(), "/allowed"))
    end)
  end)
end)
