-- What the plugin and the other specs count on from a gateway. The same on the embedded
-- gateway and on a real Kong.


local gateway = require "spec.support.gateway"


-- The embedded gateway is like Kong 3.9; older ones differ in texts, and in what they log.
if gateway.is_before(3009000) then
  return
end


local eventually = gateway.eventually


local CONFIG = [[
_format_version: "3.0"
services:
  - name: shop
    url: http://127.0.0.1:${DEMO_PORT}
    routes:
      - { name: shop, paths: ["/shop"] }
      - { name: whole, paths: ["/echo"], strip_path: false }
      - { name: numbers, paths: ["~/shop/(?<id>\\d+)/thing$"] }
      - { name: posts, paths: ["/shop/echo/posted"], methods: ["POST"], strip_path: false }
      - { name: hosted, hosts: ["hosted.example.com"], preserve_host: true }
      - { name: streamed, paths: ["/streamed"], request_buffering: false }
      - name: secured
        paths: ["/secured"]
        plugins:
          - { name: key-auth }
          - { name: file-log, config: { path: "${PREFIX}/secured.log" } }
      - { name: patched, paths: ["/patched"], plugins: [ { name: key-auth, config: { key_names: ["before"] } } ] }
  - name: based
    url: http://127.0.0.1:${DEMO_PORT}/echo/
    routes:
      - { name: based, paths: ["/based"] }
  - name: nowhere
    url: http://127.0.0.1:1
    routes:
      - { name: nowhere, paths: ["/nowhere"] }
routes:
  - { name: homeless, paths: ["/homeless"] }
consumers:
  - username: alice
    custom_id: "1001"
    keyauth_credentials: [ { key: alice-key } ]
    plugins:
      - { name: file-log, config: { path: "${PREFIX}/alice.log" } }
plugins:
  - { name: file-log, config: { path: "${PREFIX}/requests.log" } }
]]


gateway.describe("the gateway", { config = CONFIG, plugins = "bundled" }, function(gw)
  describe("routes", function()
    it("by path prefix, and strips it", function()
      local response = gw:http({ path = "/shop/echo?a=1&b=%20" })
      assert.equal(200, response.status)
      assert.equal("/echo?a=1&b=%20", response.json.uri)
      assert.equal("/shop", response.json.headers["x-forwarded-prefix"])
      assert.equal("/shop/echo", response.json.headers["x-forwarded-path"])
      assert.equal("127.0.0.1:" .. gw.demo_port, response.json.headers.host)
    end)

    local PATHS = {
      { "strip_path false keeps the path", "/echo", "/echo" },
      { "a lone question mark stays", "/echo?", "/echo?" },
      { "a service's path comes first", "/based", "/echo" },
      { "slashes are merged and dots resolved", "/shop//./x/../echo", "/echo" },
      { "encoded letters are decoded, reserved ones are not", "/shop/%65cho?x=%2F", "/echo?x=%2F" },
    }
    for _, case in ipairs(PATHS) do
      it(case[1], function()
        local response = gw:http({ path = case[2] })
        assert.equal(200, response.status)
        assert.equal(case[3], response.json.uri)
      end)
    end

    it("a regular expression before a prefix", function()
      gw:http({ path = "/shop/42/thing" })
      local line = gw:logged(function(line) return line.request.uri == "/shop/42/thing" end)
      assert.equal("numbers", line.route.name)
    end)

    it("more conditions before fewer", function()
      gw:http({ path = "/shop/echo/posted", body = "x" })
      gw:http({ path = "/shop/echo/posted?get" })
      local posted = gw:logged(function(line) return line.request.uri == "/shop/echo/posted" end)
      local got = gw:logged(function(line) return line.request.uri == "/shop/echo/posted?get" end)
      assert.equal("posts", posted.route.name)
      assert.equal("shop", got.route.name)
    end)

    it("by host, and keeps it when asked", function()
      local response = gw:http({ path = "/echo/?", headers = { host = "hosted.example.com" } })
      assert.equal(404, response.status)
      response = gw:http({ path = "/status/418", headers = { host = "hosted.example.com" } })
      assert.equal(418, response.status)
    end)

    it("nothing: 404 with the request's id", function()
      local response = gw:http({ path = "/no-such-route" })
      assert.equal(404, response.status)
      assert.equal("no Route matched with those values", response.json.message)
      assert.equal(response.headers["x-kong-request-id"], response.json.request_id)
      assert.matches("^%x+$", response.json.request_id)
      assert.matches("^kong/", response.headers.server)
    end)

    it("to no service: 503", function()
      local response = gw:http({ path = "/homeless" })
      assert.equal(503, response.status)
      assert.equal("no Service found with those values", response.json.message)
    end)

    it("to a service that does not answer: 502", function()
      local response = gw:http({ path = "/nowhere" })
      assert.equal(502, response.status)
      assert.matches("An invalid response was received from the upstream server", response.body, 1, true)
      local line = gw:logged(function(line) return line.request.uri == "/nowhere" end)
      assert.equal("kong", line.source)
      assert.equal("nowhere", line.route.name)
    end)

    it("bodies, spilled to disk and not", function()
      for _, path in ipairs({ "/shop/echo", "/streamed/echo" }) do
        local response = gw:http({ path = path, body = ("x"):rep(200000) })
        assert.equal(200, response.status)
        assert.equal(200000, response.json.body_length)
      end
    end)

    it("chunked bodies", function()
      local client = gw:client()
      client:send("POST /shop/echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                  .. "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
      assert.equal("abcde", client:read().json.body)
      client:close()
    end)

    it("several requests on one connection", function()
      local client = gw:client()
      for i = 1, 3 do
        local response = client:request({ path = "/shop/echo?" .. i })
        assert.equal("/echo?" .. i, response.json.uri)
      end
      client:close()
    end)

    it("HTTP/2 without TLS", function()
      local response = gw:http2({ path = "/shop/echo", body = "x=1" })
      assert.equal(200, response.status)
      assert.equal("x=1", response.json.body)
      assert.matches("^2 kong/", response.json.headers.via)
    end)
  end)


  describe("says of a request that it cannot read", function()
    local CASES = {
      { "a bad request line", "GET / HTTP/9.9\r\n\r\n", "^HTTP/1.1 505" },
      { "no host", "GET /shop/ HTTP/1.1\r\n\r\n", "^HTTP/1.1 400", "Bad request" },
      { "a URI too long", "GET /" .. ("a"):rep(70000) .. " HTTP/1.1\r\nHost: a\r\n\r\n", "^HTTP/1.1 414", "URI too long" },
      { "a header too long", "GET / HTTP/1.1\r\nHost: a\r\nX: " .. ("a"):rep(70000) .. "\r\n\r\n",
        "^HTTP/1.1 400", "Request header or cookie too large" },
    }
    for _, case in ipairs(CASES) do
      it(case[1], function()
        local answer = gw:raw(case[2])
        assert.matches(case[3], answer)
        if case[4] then
          assert.matches(case[4], answer, 1, true)
          assert.matches("request_id", answer, 1, true)
        end
      end)
    end
  end)


  describe("authenticates", function()
    it("no key: 401, and later plugins still log", function()
      local response = gw:http({ path = "/secured/echo" })
      assert.equal(401, response.status)
      assert.equal("Key", response.headers["www-authenticate"])
      assert.equal("No API key found in request", response.json.message)

      local line = gw:logged(function(line) return line.response.status == 401 end, "secured.log")
      assert.equal("kong", line.source)
      assert.is_nil(line.consumer)
    end)

    it("a wrong key: 401", function()
      local response = gw:http({ path = "/secured/echo", headers = { apikey = "wrong" } })
      assert.equal(401, response.status)
      assert.equal("Unauthorized", response.json.message)
    end)

    it("a right key: the upstream hears of the consumer", function()
      local response = gw:http({ path = "/secured/echo", headers = { apikey = "alice-key" } })
      assert.equal(200, response.status)
      assert.equal("alice", response.json.headers["x-consumer-username"])
      assert.equal("1001", response.json.headers["x-consumer-custom-id"])
    end)

    it("and then prefers the consumer's plugins to the route's", function()
      gw:http({ path = "/secured/echo?of-alice", headers = { apikey = "alice-key" } })
      local line = gw:logged(function(line) return line.request.uri == "/secured/echo?of-alice" end, "alice.log")
      assert.equal("alice", line.consumer.username)
      assert.is_string(line.authenticated_entity.id)
      for _, other in ipairs(gw:log_lines("secured.log")) do
        assert.not_equal("/secured/echo?of-alice", other.request.uri)
      end
    end)
  end)


  describe("logs", function()
    it("a proxied request", function()
      local response = gw:http({ path = "/shop/echo?logged=1", body = "hello",
                                 headers = { authorization = "Bearer secret" } })
      local line = gw:logged(function(line) return line.request.uri == "/shop/echo?logged=1" end)
      assert.equal("POST", line.request.method)
      assert.equal("http://127.0.0.1:" .. gw.proxy_port .. "/shop/echo?logged=1", line.request.url)
      assert.same({ logged = "1" }, line.request.querystring)
      assert.equal("REDACTED", line.request.headers.authorization)
      assert.equal(response.headers["x-kong-request-id"], line.request.id)
      assert.equal(200, line.response.status)
      assert.equal("upstream", line.source)
      assert.equal("200", line.upstream_status)
      assert.equal("/echo?logged=1", line.upstream_uri)
      assert.equal("127.0.0.1", line.client_ip)
      assert.equal("shop", line.route.name)
      assert.equal("shop", line.service.name)
      assert.equal(line.service.id, line.route.service.id)
      assert.equal(gw.demo_port, line.tries[1].port)
      assert.equal("default", line.workspace_name)
      for _, name in ipairs({ "kong", "proxy", "request", "receive" }) do
        assert.is_number(line.latencies[name])
      end
      assert.is_true(line.request.size > 100 and line.response.size > 100)
      assert.is_true(math.abs(line.started_at / 1000 - os.time()) < 60)
    end)

    it("a request without a route, by global instances", function()
      gw:http({ path = "/no-such-route?logged" })
      local line = gw:logged(function(line) return line.request.uri == "/no-such-route?logged" end)
      assert.equal(404, line.response.status)
      assert.equal("kong", line.source)
      assert.is_nil(line.route)
      assert.equal("", line.upstream_uri)
    end)

    it("a request that could not be read", function()
      gw:raw("GET /unreadable HTTP/1.1\r\n\r\n")
      local line = gw:logged(function(line) return line.request.uri == "/unreadable" end)
      assert.equal(400, line.response.status)
      assert.equal("kong", line.source)
    end)
  end)


  describe("Admin API", function()
    it("describes the node", function()
      local node = gw:admin("GET", "/").json
      assert.equal("3.9.1", node.version)
      assert.is_table(node.plugins.available_on_server["key-auth"])
      assert.equal(gw:master_pid(), node.pids.master)
      assert.equal(gw.prefix, node.configuration.prefix)
    end)

    it("lists entities", function()
      for path, name in pairs({ services = "shop", routes = "secured", consumers = "alice" }) do
        local names = {}
        for _, entity in ipairs(gw:admin("GET", "/" .. path).json.data) do
          names[entity.name or entity.username] = true
        end
        assert.is_true(names[name])
      end
    end)

    it("gives one by name, or 404", function()
      assert.equal("127.0.0.1", gw:admin("GET", "/services/shop").json.host)
      local missing = gw:admin("GET", "/services/none")
      assert.equal(404, missing.status)
      assert.equal("Not found", missing.json.message)
    end)

    it("gives plugins with all defaults", function()
      local plugin = gw:admin("GET", "/routes/secured/plugins").json.data
      local key_auth = plugin[1].name == "key-auth" and plugin[1] or plugin[2]
      assert.is_true(key_auth.enabled)
      assert.same({ "apikey" }, key_auth.config.key_names)
      assert.is_false(key_auth.config.hide_credentials)
      assert.same({ "grpc", "grpcs", "http", "https" }, key_auth.protocols)
    end)

    it("refuses a bad plugin with Kong's words", function()
      local refused = gw:admin("POST", "/plugins", {
        name = "file-log", config = { path = 3, nope = true }, service = { id = gw:admin("GET", "/services/shop").json.id },
      })
      assert.equal(400, refused.status)
      assert.equal(2, refused.json.code)
      assert.equal("schema violation", refused.json.name)
      assert.same({ config = { path = "expected a string", nope = "unknown field" } }, refused.json.fields)
      assert.equal("2 schema violations (config.nope: unknown field; config.path: expected a string)",
                   refused.json.message)
    end)

    it("refuses an unknown plugin", function()
      local refused = gw:admin("POST", "/plugins", { name = "nope" })
      assert.equal(400, refused.status)
      assert.equal("plugin 'nope' not enabled; add it to the 'plugins' configuration property",
                   refused.json.fields.name)
    end)

    if gateway.kind ~= "kong" then
      it("refuses the same plugin twice at one place", function()
        local refused = gw:admin("POST", "/plugins", { name = "file-log", config = { path = "/tmp/x" } })
        assert.equal(409, refused.status)
        assert.equal(5, refused.json.code)
      end)

      it("adds and deletes a plugin, at work within seconds", function()
        local added = gw:admin("POST", "/routes/whole/plugins", {
          name = "key-auth", config = { key_names = { "extra" } }, tags = { "spec", "extra" },
        })
        assert.equal(201, added.status)
        eventually(function() return gw:http({ path = "/echo" }).status == 401 end)

        local tagged = gw:admin("GET", "/plugins?tags=spec,extra").json.data
        assert.equal(added.json.id, tagged[1].id)
        assert.is_nil(tagged[2])

        assert.equal(204, gw:admin("DELETE", "/plugins/" .. added.json.id).status)
        eventually(function() return gw:http({ path = "/echo" }).status == 200 end)
        assert.equal(404, gw:admin("GET", "/plugins/" .. added.json.id).status)
      end)
    end

    if gateway.kind ~= "kong-postgres" then
      it("refuses a bad declarative configuration", function()
        local refused = gw:admin("POST", "/config", {
          _format_version = "3.0",
          plugins = { { name = "file-log", config = { path = 3 } } },
        })
        assert.equal(400, refused.status)
        assert.equal(14, refused.json.code)
        assert.equal("invalid declarative configuration", refused.json.name)
        assert.same({ plugins = { { config = { path = "expected a string" } } } }, refused.json.fields)
      end)

      it("exports the configuration", function()
        local config = gw:admin("GET", "/config").json.config
        assert.matches("name: secured", config, 1, true)
        assert.matches("_format_version: '3.0'", config, 1, true)
      end)
    end
  end)


  describe("changes", function()
    it("reach every worker, and refuse nothing under way", function()
      assert.equal(401, gw:http({ path = "/patched/echo" }).status)
      assert.equal(200, gw:http({ path = "/patched/echo", headers = { before = "alice-key" } }).status)

      local response = gw:patch_plugin("key-auth", { key_names = { "after" } })
      assert.is_true(response.status == 200 or response.status == 201)

      local streak = 0
      eventually(function()
        local status = gw:http({ path = "/patched/echo", headers = { after = "alice-key" } }).status
        assert.is_true(status == 200 or status == 401)
        streak = status == 200 and streak + 1 or 0
        return streak >= 20
      end)
    end)

    it("come from the file again after a reload", function()
      local workers = gw:worker_pids()
      assert.equal(2, #workers)
      local config = CONFIG:gsub('paths: %["/based"%]', 'paths: ["/moved"]')
      gw:write_config(config)
      gw:reload()

      eventually(function()
        local now = gw:worker_pids()
        return #now == 2 and now[1] ~= workers[1] and now[1] ~= workers[2]
      end)
      if gateway.kind ~= "kong-postgres" then
        eventually(function() return gw:http({ path = "/moved" }).status == 200 end)
        eventually(function() return gw:http({ path = "/based" }).status == 404 end)
      end
      assert.equal(200, gw:http({ path = "/shop/echo" }).status)
    end)
  end)


  it("replaces a worker that dies", function()
    local workers = gw:worker_pids()
    assert(gateway.run("kill -9 " .. workers[1]))
    eventually(function()
      local now = gw:worker_pids()
      return #now == 2 and now[1] ~= workers[1] and now[2] ~= workers[1]
    end)
    eventually(function() return gw:http({ path = "/shop/echo" }).status == 200 end)
  end)


  it("wrote no error of its own", function()
    for _, text in ipairs({ "[emerg]", "[alert]", "stack traceback", "runtime error", "failed to load" }) do
      local lines = gw:error_log(text)
      for i = #lines, 1, -1 do
        -- The worker that the spec above killed.
        if lines[i]:find("exited on signal 9", 1, true) then
          table.remove(lines, i)
        end
      end
      assert.same({}, lines)
    end
  end)
end)


describe(gateway.describe_name("a gateway that trusts its peer"), function()
  it("takes the client's address from X-Forwarded-For", function()
    local gw = gateway.start({
      config = CONFIG,
      plugins = "bundled",
      workers = 1,
      trusted_ips = "127.0.0.0/8",
    })
    finally(function() gw:stop() end)

    local response = gw:http({ path = "/shop/echo", headers = { ["X-Forwarded-For"] = "9.9.9.9, 203.0.113.7" } })
    assert.equal("203.0.113.7", response.json.headers["x-real-ip"])
    assert.equal("203.0.113.7", gw:logged(function() return true end).client_ip)
  end)
end)


describe(gateway.describe_name("a gateway with a bad configuration"), function()
  it("does not start, and says what is wrong", function()
    local ok, err = pcall(gateway.start, {
      config = '_format_version: "3.0"\nplugins: [ { name: file-log, config: { path: 3 } } ]\n',
      plugins = "bundled",
    })
    assert.is_false(ok)
    assert.matches("expected a string", err, 1, true)
  end)
end)
