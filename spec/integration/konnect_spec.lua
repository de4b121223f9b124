-- A data plane of Konnect: its entities are changed by the control plane's configuration API. None can be
-- reached from here: what answers is written from the API's published document (spec/support/konnect.py).


local cjson = require "cjson.safe"
local faults = require "spec.support.faults"
local gateway = require "spec.support.gateway"
local http = require "spec.support.http"
local socket = require "socket"
local tablex = require "pl.tablex"


if gateway.kind ~= "embedded" and gateway.kind ~= "kong" then
  return
end


local eventually = gateway.eventually

local PORT, PROXY_PORT = gateway.free_port(), gateway.free_port()
local PLANE = "9524ec7d-36d9-465d-a8c5-83a3c9390458"
local TOKEN = "spat_of-the-spec"
local BASE = "/v2/control-planes/" .. PLANE .. "/core-entities/"
local CONSUMER = "00000000-0000-4000-8000-300000000001"
local UPSTREAM = "00000000-0000-4000-8000-400000000001"

local ROUTES = { "methods", "limited", "sink", "pooled", "faulty" }

local function id_of(kind, n)
  return ("00000000-0000-4000-8000-%d%011d"):format(kind, n)
end


local function policy(name, step)
  return ("          - { id: %s, routes: [%s], min_confidence: 0.3, min_severity: low, "
          .. "steps: [{ %s, ttl_s: 8, verify_after_s: 600 }] }\n"):format(name, name, step)
end


local function config()
  local parts = { '_format_version: "3.0"\nservices:\n' }
  for n, name in ipairs(ROUTES) do
    parts[#parts + 1] = ("  - { id: %s, name: %s, url: 'http://127.0.0.1:${DEMO_PORT}', routes: "
      .. "[{ id: %s, name: %s, paths: [/%s] }] }\n"):format(id_of(2, n), name, id_of(1, n), name, name)
  end
  return table.concat(parts) .. [[
plugins:
  - name: threat-agent
    config:
      mode: enforce
      response:
        admin_api:
          url: "http://127.0.0.1:]] .. PROXY_PORT .. [["
          control_plane_id: ]] .. PLANE .. "\n          token: " .. TOKEN .. [[

          timeout_ms: 500
        blast_radius: { good_ratio: 1 }
        policies:
]]
    .. policy("methods", "action: restrict_route, methods: [GET, POST]")
    .. policy("limited", "action: rate_limiting, per_minute: 5")
    .. policy("sink", "action: reroute, url: 'http://127.0.0.1:1/nothing'")
    .. policy("pooled", "action: drain_target, upstream_target: 'b:80'")
    .. policy("faulty", "action: restrict_route, methods: [GET, POST]")
end


describe(gateway.describe_name("Konnect, by its published contract:"), function()
  local gw, konnect, proxy, said

  local function ask(method, path, body)
    return assert(http.request(PORT, { method = method, path = BASE .. path, json = body,
                                       headers = { authorization = "Bearer " .. TOKEN } }))
  end


  setup(function()
    gw = gateway.start({ config = config(), trusted_ips = "127.0.0.1" })
    said = gw.prefix .. "/konnect.log"
    konnect = gateway.run(("python3 spec/support/konnect.py %d %s %s > %s 2>&1 & echo $!"):format(PORT, PLANE, TOKEN, said))
    proxy = faults.start(gw, PROXY_PORT, "pass", PORT)
    eventually(function() return socket.connect("127.0.0.1", PORT) ~= nil end)
    for n, name in ipairs(ROUTES) do
      local host = name == "pooled" and "pool" or "127.0.0.1"
      assert.equal(200, ask("PUT", "services/" .. id_of(2, n), { name = name, host = host, port = gw.demo_port }).status)
      assert.equal(200, ask("PUT", "routes/" .. id_of(1, n), {
        name = name, paths = { "/" .. name }, service = { id = id_of(2, n) }, tags = { "kept" } }).status)
    end
    ask("PUT", "upstreams/" .. UPSTREAM, { name = "pool", slots = 77 })
    for n, target in ipairs({ "a:80", "c:80", "b:80" }) do
      ask("PUT", "upstreams/" .. UPSTREAM .. "/targets/" .. id_of(5, n), { target = target, weight = 10 * n, tags = { "kept" } })
    end
    -- More plugins than a page holds, so that what stands is found by `offset`.
    for n = 1, 4 do
      ask("PUT", "plugins/" .. id_of(6, n), { name = "other-" .. n, route = { id = id_of(1, 2) }, config = {} })
    end
    ask("PUT", "plugins/" .. id_of(6, 5), { name = "rate-limiting", route = { id = id_of(1, 2) },
                                            config = { minute = 900, limit_by = "ip", hide_client_headers = true } })
    ask("PUT", "consumers/" .. CONSUMER, { username = "alice" })
  end)

  teardown(function()
    gateway.run("kill " .. konnect)
    proxy:stop()
    gw:stop()
  end)


  local clients = 0

  local function attack(route)
    clients = clients + 1
    gw:stuff(route, "192.0.2." .. clients)
  end


  local function in_state(route, state)
    return eventually(function()
      for _, record in ipairs(gw:records(route)) do
        if record.state == state then
          return record
        end
      end
    end, 40)
  end


  local function get(path)
    return ask("GET", path).json
  end


  -- What differs between two versions of an entity, by name.
  local function differences(a, b)
    local names = {}
    for name in pairs(a) do
      if name ~= "updated_at" and not tablex.deepcompare(a[name], b[name]) then
        names[#names + 1] = name
      end
    end
    table.sort(names)
    return table.concat(names, ",")
  end


  local function changes_and_returns(route, path, field)
    local before = get(path)
    attack(route)
    local record = in_state(route, "active")
    assert.equal("konnect", record.tier)
    local during = get(path)
    assert.equal(field, differences(before, during))
    in_state(route, "expired")
    assert.equal("", differences(before, get(path)))
    return during
  end


  it("an entity is read, changed and put back whole, and returns to what it was", function()
    local route = changes_and_returns("methods", "routes/" .. id_of(1, 1), "methods")
    assert.same({ "GET", "POST" }, route.methods)
    assert.same({ "kept" }, route.tags)
    assert.equal(1, changes_and_returns("sink", "services/" .. id_of(2, 3), "path,port").port)
  end)


  it("lists are read to their end: a plugin on a further page is tightened, a target drained", function()
    local plugin = changes_and_returns("limited", "plugins/" .. id_of(6, 5), "config")
    assert.equal(5, plugin.config.minute)
    assert.is_true(plugin.config.hide_client_headers)
    assert.equal(0, changes_and_returns("pooled", "upstreams/" .. UPSTREAM .. "/targets/" .. id_of(5, 3), "weight").weight)
  end)


  it("may be overloaded, away or in conflict: what waits is written once", function()
    local path = "routes/" .. id_of(1, 5)
    proxy:mode("429")
    attack("faulty")
    eventually(function() return #gw:error_log("not planned: the Admin API answered 429") > 0 end)
    for _, fault in ipairs({ "500", "409", "401", "cut", "close" }) do
      proxy:mode(fault)
      socket.sleep(0.3)
      assert.equal(200, gw:http({ path = "/faulty/products" }).status)
    end
    assert.equal("null", cjson.encode(get(path).methods))
    proxy:mode("pass")
    in_state("faulty", "active")
    assert.same({ "GET", "POST" }, get(path).methods)
    in_state("faulty", "expired")
    assert.equal("null", cjson.encode(get(path).methods))
  end)


  it("nothing was asked that the document does not have", function()
    local log = gateway.read_file(said)
    assert.is_nil(log:find("PATCH ", 1, true))
    assert.is_nil(log:find("POST ", 1, true))
    for path in log:gmatch("%u+ (%S+)") do
      assert.equal(BASE, path:sub(1, #BASE))
    end
  end)
end)
