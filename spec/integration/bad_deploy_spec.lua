-- A deploy that breaks a route, in automatic mode: named, and taken back within 30 s of its first error.


local gateway = require "spec.support.gateway"
local lyaml = require "lyaml"
local socket = require "socket"


local eventually = gateway.eventually

-- Kong's own plugins are not part of the embedded gateway.
local has_plugins = gateway.kind ~= "embedded"
local WITHIN_S = 30


local function service(name)
  return ("  - { name: %s, url: 'http://127.0.0.1:${DEMO_PORT}', routes: [{ name: %s, paths: [/%s] }] }\n")
         :format(name, name, name)
end


local CONFIG = '_format_version: "3.0"\nservices:\n' .. service("port") .. service("plugin") .. service("guarded")
  .. service("option") .. service("secured") .. (has_plugins and [[
  - { name: pooled, url: 'http://pool.test', routes: [{ name: pooled, paths: [/pooled] }] }
upstreams:
  - { name: pool.test, targets: [{ target: "127.0.0.1:${DEMO_PORT}" }, { target: "localhost:${DEMO_PORT}" }] }
plugins:
  - name: request-transformer
    route: option
    config: { add: { headers: ["X-Kept:1"] } }
]] or "plugins:\n") .. [[
  - name: threat-agent
    config:
      mode: enforce
      response:
        admin_api: { url: "http://127.0.0.1:${ADMIN_PORT}" }
        policies:
          - id: deploys
            categories: [route_misconfiguration]
            min_severity: low
            min_confidence: 0.3
            steps: [{ action: rollback, ttl_s: 0 }]
]]


gateway.describe("a bad deploy:", { config = CONFIG, trusted_ips = "127.0.0.1" }, function(gw)
  setup(function()
    eventually(function()
      return gw:http({ path = "/port/products" }).status == 200
    end, 30)
  end)


  local n = 0

  local function status(route)
    n = n + 1
    return gw:http({ path = "/" .. route .. "/products", client = "198.51.100." .. n % 60 + 1 }).status
  end


  -- Changes the configuration as its gateway has it: whole, where there is no database.
  local function deploy(method, path, body, change)
    if gateway.kind ~= "kong" then
      local response = gw:admin(method, path, body)
      assert.is_true(response.status < 300, response.body)
      return
    end

    local document = lyaml.load(gw:admin("GET", "/config").json.config)
    change(document)
    assert.equal(201, gw:admin("POST", "/config", { config = lyaml.dump({ document }) }).status)
  end


  local function used_to_go_well(route)
    for _ = 1, 60 do
      assert.equal(200, status(route))
    end
    eventually(function()
      return #gateway.read_file(gw.prefix .. "/threat-agent/configuration.json") > 0
    end)
  end


  local function is_taken_back(route, suspect)
    eventually(function() return status(route) ~= 200 end, 20)
    local first_s = socket.gettime()
    local record = eventually(function()
      status(route)
      local found = gw:records(route)[1]
      return found and found.state == "active" and found
    end, WITHIN_S)
    eventually(function() return status(route) == 200 end, first_s + WITHIN_S - socket.gettime())
    assert.equal("rollback", record.action)
    assert.equal(suspect, record.changes[1].kind)
    return record
  end


  local function add_plugin(route, name, config)
    deploy("POST", "/routes/" .. route .. "/plugins", { name = name, config = config }, function(document)
      for _, one in ipairs(document.routes) do
        if one.name == route then
          document.plugins[#document.plugins + 1] = { name = name, route = one.id, config = config }
        end
      end
    end)
  end


  it("of an upstream's port", function()
    used_to_go_well("port")
    deploy("PATCH", "/services/port", { port = 1 }, function(document)
      for _, one in ipairs(document.services) do
        one.port = one.name == "port" and 1 or one.port
      end
    end)
    local record = is_taken_back("port", "services")
    assert.equal(gw.demo_port, record.changes[1].set.port)
    assert.equal(gw.demo_port, gw:admin("GET", "/services/port").json.port)
  end)


  it("is not done again by a kill switch once it was found good to take it back", function()
    local record = eventually(function()
      status("port")
      local found = gw:records("port")[1]
      return found.state == "kept" and found
    end, 60)
    assert.equal("improved", record.result)
    assert.equal(202, gw:agent("POST", "/kill").status)
    eventually(function() return #gw:error_log("the kill switch was set") > 0 end)
    assert.equal(gw.demo_port, gw:admin("GET", "/services/port").json.port)
    assert.equal(202, gw:agent("DELETE", "/kill").status)
    eventually(function() return not gw:agent("GET", "/status").json.actions.killed end)
    assert.equal("kept", gw:records("port")[1].state)

    -- By hand it is.
    assert.equal(202, gw:agent("POST", "/actions/" .. record.id .. "/revert").status)
    eventually(function() return gw:records("port")[1].state == "reverted" end, 20)
    assert.equal(1, gw:admin("GET", "/services/port").json.port)
  end)


  -- Whoever can provoke errors must not get TLS undone.
  it("of what secures the way to a service is a person's to take back", function()
    local told = #gw:error_log("what changed guards the gateway")
    used_to_go_well("secured")
    deploy("PATCH", "/services/secured", { protocol = "https" }, function(document)
      for _, one in ipairs(document.services) do
        one.protocol = one.name == "secured" and "https" or one.protocol
      end
    end)
    eventually(function() return status("secured") ~= 200 end, 20)
    eventually(function()
      status("secured")
      return #gw:error_log("what changed guards the gateway") > told
    end, WITHIN_S)
    assert.equal(0, #gw:records("secured"))
    assert.equal("https", gw:admin("GET", "/services/secured").json.protocol)
  end)


  if has_plugins then
    it("of an option within a plugin that stood", function()
      used_to_go_well("option")
      local plugin = gw:admin("GET", "/routes/option/plugins").json.data[1]
      deploy("PATCH", "/plugins/" .. plugin.id, { config = { replace = { uri = "/status/500" }, http_method = "POST" } },
             function(document)
        for _, one in ipairs(document.plugins) do
          if one.id == plugin.id then
            one.config.replace, one.config.http_method = { uri = "/status/500" }, "POST"
          end
        end
      end)
      is_taken_back("option", "plugins")
      local config = gw:admin("GET", "/routes/option/plugins").json.data[1].config
      assert.same({ "X-Kept:1" }, config.add.headers)
      assert.is_not_string(config.replace.uri)
      assert.is_not_string(config.http_method)
    end)


    it("of an upstream that is gone, with its targets", function()
      used_to_go_well("pooled")
      local upstream = gw:admin("GET", "/upstreams/pool.test").json.id
      deploy("DELETE", "/upstreams/" .. upstream, nil, function(document)
        document.upstreams, document.targets = nil, nil
      end)
      local record = is_taken_back("pooled", "upstreams")
      assert.equal(3, #record.changes)
      assert.equal(upstream, gw:admin("GET", "/upstreams/pool.test").json.id)
      assert.equal(2, #gw:admin("GET", "/upstreams/pool.test/targets").json.data)
    end)


    it("of a plugin that breaks its route", function()
      used_to_go_well("plugin")
      add_plugin("plugin", "request-transformer", { replace = { uri = "/status/500" } })
      is_taken_back("plugin", "plugins")
      for _, one in ipairs(gw:admin("GET", "/routes/plugin/plugins").json.data) do
        assert.is_false(one.enabled)
      end
    end)


    it("of a plugin that guards its route is a person's to take back", function()
      local told = #gw:error_log("what changed guards the gateway")
      used_to_go_well("guarded")
      -- It limits by a Redis that is not there, in words that every Kong knows.
      add_plugin("guarded", "rate-limiting", {
        minute = 1000000, policy = "redis", fault_tolerant = false, redis_host = "127.0.0.1", redis_port = 1,
      })
      eventually(function() return status("guarded") == 500 end, 20)
      eventually(function()
        status("guarded")
        return #gw:error_log("what changed guards the gateway") > told
      end, WITHIN_S)
      assert.equal(0, #gw:records("guarded"))
      assert.equal(500, status("guarded"))
    end)
  end
end)
