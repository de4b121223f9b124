-- The agent acts by itself, within limits, and takes it back: bans, plugins, changed entities,
-- rollback, approval, kill switch, crashes.


local gateway = require "spec.support.gateway"
local plugin = require "spec.support.plugin"


local eventually = gateway.eventually


-- Kong's own plugins are not part of the embedded gateway.
local has_plugins = gateway.kind ~= "embedded"


-- One service and route for each policy, so that they do not meet.
local function service(name, more)
  return ("  - { name: %s, url: 'http://127.0.0.1:${DEMO_PORT}', routes: [{ name: %s, paths: [/%s] %s }] }\n")
         :format(name, name, name, more or "")
end


local function policy(name, steps, more)
  return ("          - { id: %s, routes: [%s], min_confidence: 0.3, min_severity: low%s, steps: [%s] }\n")
         :format(name, name, more or "", steps)
end


local CONFIG = '_format_version: "3.0"\nservices:\n'
  .. service("banned") .. service("limited") .. service("methods") .. service("sink") .. service("patched")
  .. service("watched") .. service("waiting") .. service("deployed") .. service("killed") .. service("denied")
  .. service("contested") .. service("outer")
  .. "  - { name: inner, url: 'http://127.0.0.1:${DEMO_PORT}', routes: [{ name: inner, paths: [/outer/inner] }] }\n"
  .. "  - { name: admin, url: 'http://127.0.0.1:${ADMIN_PORT}', routes: [{ name: admin, paths: [/admin] }] }\n"
  .. "  - { name: dead, url: 'http://127.0.0.1:1', routes: [{ name: dead, paths: [/dead] }] }\n"
  .. (has_plugins and service("noisy", ", plugins: [{ name: correlation-id }]") or "")
  .. (has_plugins and [[
  - { name: pooled, url: 'http://pool', routes: [{ name: pooled, paths: [/pooled] }] }
upstreams:
  - { name: pool, targets: [{ target: "127.0.0.1:${DEMO_PORT}" }, { target: "localhost:${DEMO_PORT}" }] }
]] or "")
  .. [[
plugins:
  - name: threat-agent
    config:
      mode: enforce
      response:
        protected: { routes: [watched] }
        blast_radius: { good_ratio: 0.5 }
        budget: { per_minute: 100 }
        policies:
]]
  .. policy("banned", "{ action: ban, ttl_s: 6 }")
  .. policy("limited", "{ action: rate_limiting, ttl_s: 8, per_minute: 5, verify_after_s: 60 }")
  .. policy("denied", "{ action: ip_restriction, ttl_s: 600, verify_after_s: 600 }")
  .. policy("methods", "{ action: restrict_route, ttl_s: 600, methods: [GET], verify_after_s: 600 }")
  .. policy("outer", "{ action: restrict_route, ttl_s: 600, methods: [GET], verify_after_s: 600 }")
  .. policy("contested", "{ action: restrict_route, ttl_s: 600, methods: [GET], verify_after_s: 600 }")
  .. policy("sink", "{ action: reroute, ttl_s: 6, url: 'http://127.0.0.1:1/nothing', verify_after_s: 600 }")
  .. policy("patched", "{ action: hot_patch, ttl_s: 600, template: refuse_parameter, parameter: debug, verify_after_s: 600 }")
  .. policy("admin", "{ action: restrict_route, ttl_s: 600, methods: [HEAD] }")
  .. policy("watched", "{ action: ban, ttl_s: 600 }")
  .. policy("waiting", "{ action: ban, ttl_s: 600, verify_after_s: 600 }", ", approval: required")
  .. policy("killed", "{ action: ban, ttl_s: 600, verify_after_s: 600 }")
  .. policy("dead", "{ action: restrict_route, ttl_s: 600, methods: [GET], verify_after_s: 10 }, "
                    .. "{ action: reroute, after_s: 86400, ttl_s: 600, url: 'http://127.0.0.1:${DEMO_PORT}' }",
            ", categories: [mass_error]")
  .. policy("noisy", "{ action: disable_plugin, ttl_s: 600, plugin: correlation-id, verify_after_s: 600 }")
  .. policy("pooled", "{ action: drain_target, ttl_s: 600, upstream_target: 'localhost:${DEMO_PORT}', verify_after_s: 600 }")
  .. policy("deployed", "{ action: rollback, ttl_s: 0 }", ", categories: [route_misconfiguration]")


gateway.describe("response:", { config = CONFIG, trusted_ips = "127.0.0.1" }, function(gw)
  local function send(client, request)
    request.headers = request.headers or {}
    request.headers["x-forwarded-for"] = client
    return gw:http(request)
  end


  -- Leaked names and passwords, tried by one client: an incident on the route.
  local function attack(route, client)
    for n = 1, 14 do
      send(client, { path = "/" .. route .. "/login", json = { username = "user-" .. n, password = "x" } })
    end
  end


  local function actions(route)
    local found = {}
    for _, record in ipairs(gw:admin("GET", "/threat-agent/actions").json.data) do
      if record.place.route_name == route then
        found[#found + 1] = record
      end
    end

    return found
  end


  local function action(route, state, timeout_s)
    return eventually(function()
      local record = actions(route)[1]
      return record and record.state == state and record
    end, timeout_s or 15)
  end


  local function entity(path)
    return gw:admin("GET", path).json
  end


  it("bans the client that an incident names, on its route, for a time", function()
    attack("banned", "192.0.2.10")
    local record = action("banned", "active")
    assert.same({ "192.0.2.10" }, record.clients)
    assert.equal("memory", record.tier)
    local refused = send("192.0.2.10", { path = "/banned/products" })
    assert.equal(403, refused.status)
    assert.equal(200, send("192.0.2.11", { path = "/banned/products" }).status)
    assert.equal(200, send("192.0.2.10", { path = "/methods/products" }).status)

    action("banned", "expired", 20)
    -- The suspicion of behaviour may stand for longer, which slows down and does not ban.
    assert.not_equal(403, send("192.0.2.10", { path = "/banned/products" }).status)
  end)


  it("leaves the way to the Admin API alone, whatever is configured", function()
    for _ = 1, 20 do
      assert.equal(403, send("192.0.2.21", { path = "/admin/?q=1%27%20UNION%20SELECT%20password%20FROM%20users--" }).status)
    end
    assert.equal("its service leads to the Admin API", action("admin", "refused").why)
    assert.equal(200, send("192.0.2.22", { path = "/admin/" }).status)
  end)


  it("narrows no route where that takes requests from another one, past the plugins on that", function()
    attack("outer", "192.0.2.19")
    eventually(function() return #gw:error_log("it would take requests from route inner") > 0 end)
    assert.equal(0, #actions("outer"))
  end)


  it("leaves what is protected alone, and says so", function()
    attack("watched", "192.0.2.20")
    local record = action("watched", "refused")
    assert.matches("protected", record.why)
    assert.not_equal(403, send("192.0.2.20", { path = "/watched/products" }).status)
  end)


  it("waits for approval where the policy wants one", function()
    attack("waiting", "192.0.2.30")
    local record = action("waiting", "pending")
    assert.not_equal(403, send("192.0.2.30", { path = "/waiting/products" }).status)

    assert.equal(202, gw:admin("POST", "/threat-agent/actions/" .. record.id .. "/approve").status)
    action("waiting", "active")
    assert.equal(403, send("192.0.2.30", { path = "/waiting/products" }).status)

    assert.equal(409, gw:admin("POST", "/threat-agent/actions/" .. record.id .. "/approve").status)
    assert.equal(404, gw:admin("POST", "/threat-agent/actions/none/approve").status)
    assert.equal(202, gw:admin("POST", "/threat-agent/actions/" .. record.id .. "/revert").status)
    action("waiting", "reverted")
    assert.not_equal(403, send("192.0.2.30", { path = "/waiting/products" }).status)
  end)


  it("changes a route by the Admin API, and back when asked to", function()
    assert.equal(200, send("192.0.2.41", { path = "/methods/products" }).status)
    attack("methods", "192.0.2.40")
    local record = action("methods", "active")
    assert.same({ "GET" }, entity("/routes/methods").methods)
    eventually(function()
      return send("192.0.2.41", { path = "/methods/login", json = {} }).status == 404
    end)
    assert.equal(200, send("192.0.2.41", { path = "/methods/products" }).status)

    gw:admin("POST", "/threat-agent/actions/" .. record.id .. "/revert")
    action("methods", "reverted")
    local methods = entity("/routes/methods").methods
    assert.is_true(type(methods) ~= "table", "methods are as before")
  end)


  it("does not undo what somebody else has changed meanwhile", function()
    attack("contested", "192.0.2.45")
    local record = action("contested", "active")
    if gateway.kind == "kong" then
      -- DB-less: the whole configuration with another set of methods.
      local text = entity("/config").config
      text = text:gsub("methods:\n  %- GET", "methods:\n  - PUT")
      assert.equal(201, gw:admin("POST", "/config", { config = text }).status)
    else
      assert.equal(200, gw:admin("PATCH", "/routes/contested", { methods = { "PUT" } }).status)
    end

    gw:admin("POST", "/threat-agent/actions/" .. record.id .. "/revert")
    local ended = action("contested", "conflict")
    assert.matches("someone else", ended.why)
    assert.same({ "PUT" }, entity("/routes/contested").methods)
  end)


  it("sends a service elsewhere for a time", function()
    assert.equal(200, send("192.0.2.51", { path = "/sink/products" }).status)
    attack("sink", "192.0.2.50")
    action("sink", "active")
    assert.equal(1, entity("/services/sink").port)
    action("sink", "expired", 20)
    assert.equal(gw.demo_port, entity("/services/sink").port)
    eventually(function()
      return send("192.0.2.51", { path = "/sink/products" }).status == 200
    end)
  end)


  if has_plugins then
    local function plugins_of(route)
      local found = {}
      for _, one in ipairs(entity("/routes/" .. route .. "/plugins").data) do
        found[one.name] = one
      end

      return found
    end


    it("limits a route by Kong's own plugin, and takes it away", function()
      attack("limited", "192.0.2.60")
      action("limited", "active")
      local made = plugins_of("limited")["rate-limiting"]
      assert.equal(5, made.config.minute)
      assert.equal("threat-agent", made.tags[1])
      eventually(function()
        return send("192.0.2.61", { path = "/limited/products" }).headers["ratelimit-limit"] == "5"
      end)

      action("limited", "expired", 20)
      assert.is_nil(plugins_of("limited")["rate-limiting"])
    end)


    it("denies clients by ip-restriction", function()
      attack("denied", "192.0.2.65")
      action("denied", "active")
      assert.same({ "192.0.2.65" }, plugins_of("denied")["ip-restriction"].config.deny)
    end)


    it("switches a harmless plugin off", function()
      attack("noisy", "192.0.2.66")
      action("noisy", "active")
      assert.is_false(plugins_of("noisy")["correlation-id"].enabled)
    end)


    it("takes a target out of its upstream, and puts it back", function()
      local function weight()
        for _, one in ipairs(entity("/upstreams/pool/targets").data) do
          if one.target == "localhost:" .. gw.demo_port then
            return one.weight
          end
        end
      end

      assert.equal(100, weight())
      attack("pooled", "192.0.2.67")
      local record = action("pooled", "active")
      assert.equal(0, weight())
      gw:admin("POST", "/threat-agent/actions/" .. record.id .. "/revert")
      action("pooled", "reverted")
      assert.equal(100, weight())
    end)


    it("mends a hole by a vetted template", function()
      attack("patched", "192.0.2.70")
      action("patched", "active")
      eventually(function()
        return send("192.0.2.71", { path = "/patched/products?debug=1" }).status == 403
      end)
      assert.equal(200, send("192.0.2.71", { path = "/patched/products" }).status)
    end)
  end


  it("takes back what is of no use, and goes on to the next step", function()
    local n = 0
    eventually(function()
      n = n + 1
      send("198.51.100." .. n % 60 + 1, { path = "/dead/products" })
      local list = actions("dead")
      return list[2] and list[2].state == "reverted" and list[1].state == "active"
    end, 60)
    assert.matches("nothing for the better", actions("dead")[2].why)
    assert.equal("reroute", actions("dead")[1].action)
    eventually(function()
      return send("198.51.100.99", { path = "/dead/products" }).status == 200
    end)
  end)


  it("hands changes out as a decK file, too", function()
    local record = actions("methods")[1]
    local response = gw:admin("GET", "/threat-agent/actions/" .. record.id .. "/patch")
    assert.equal(200, response.status)
    assert.matches("_format_version: '3.0'", response.body, 1, true)
    assert.matches("routes:", response.body, 1, true)
    assert.matches("- GET", response.body, 1, true)
  end)


  it("takes a bad change back within 30 s of its first errors", function()
    local function deploy(port)
      if gateway.kind == "kong" then
        local lyaml = require "lyaml"
        local document = lyaml.load(entity("/config").config)
        for _, one in ipairs(document.services) do
          if one.name == "deployed" then
            one.port = port
          end
        end
        assert.equal(201, gw:admin("POST", "/config", { config = lyaml.dump({ document }) }).status)
      else
        assert.equal(200, gw:admin("PATCH", "/services/deployed", { port = port }).status)
      end
    end

    for n = 1, 60 do
      assert.equal(200, send("198.51.100." .. n, { path = "/deployed/products" }).status)
    end
    -- The leader has a snapshot of what stood before.
    eventually(function() return #gateway.read_file(gw.prefix .. "/threat-agent/configuration.json") > 0 end)
    deploy(1)
    local n = 0
    local record = eventually(function()
      n = n + 1
      send("198.51.100." .. n % 60 + 1, { path = "/deployed/products" })
      local found = actions("deployed")[1]
      return found and found.state == "active" and found
    end, 30)
    assert.equal("rollback", record.action)
    assert.equal(gw.demo_port, entity("/services/deployed").port)
    eventually(function()
      return send("198.51.100.99", { path = "/deployed/products" }).status == 200
    end)
  end)


  it("goes on where it was killed", function()
    attack("killed", "192.0.2.80")
    local record = action("killed", "active")
    for _, pid in ipairs(gw:worker_pids()) do
      gateway.run("kill -9 " .. pid)
    end
    eventually(function()
      return gw:admin("POST", "/threat-agent/actions/" .. record.id .. "/revert").status == 202
    end)
    action("killed", "reverted", 20)
    assert.not_equal(403, send("192.0.2.80", { path = "/killed/products" }).status)
  end)


  it("the kill switch takes everything back and stops everything", function()
    assert.equal(202, gw:admin("POST", "/threat-agent/kill").status)
    eventually(function()
      local summary = gw:admin("GET", "/threat-agent/status").json.actions
      return summary.killed and summary.active == 0 and summary.pending == 0
    end, 20)

    attack("banned", "192.0.2.90")
    assert.not_equal(403, send("192.0.2.90", { path = "/banned/products" }).status)
    assert.equal(202, gw:admin("DELETE", "/threat-agent/kill").status)
    eventually(function() return not gw:admin("GET", "/threat-agent/status").json.actions.killed end)
  end)


  it("has written it all into a ledger that is whole and names nobody", function()
    local path = gw.prefix .. "/threat-agent/ledger.jsonl"
    local said, status = plugin.cli("ledger verify " .. path)
    assert.matches(": ok %(%d+ lines", said, nil, nil, status)
    assert.is_nil(gateway.read_file(path):find("192.0.2.", 1, true))
    assert.matches('"event":"killed".-"event":"lifted"', gateway.read_file(path))
    local broken = gateway.read_file(path):gsub('"event":"active"', '"event":"failed"', 1)
    gateway.write_file(path .. ".broken", broken)
    assert.is_nil((plugin.cli("ledger verify " .. path .. ".broken"):match(": ok")))
  end)
end)
