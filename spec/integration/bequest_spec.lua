-- A node is lost with its files while it has changed something: what stood there before lies in the store, and whoever is
-- left sets it back when its time is over. What a DB-less node has changed is lost with it.


local gateway = require "spec.support.gateway"
local receivers = require "spec.support.receivers"


if gateway.kind ~= "kong-postgres" then
  return
end


local eventually = gateway.eventually

local MINE = "kong.response.set_header('X-Mine', 'yes')"


local CONFIG = [[
_format_version: "3.0"
services:
  - name: shop
    url: http://127.0.0.1:${DEMO_PORT}
    routes:
      - { name: lost, paths: [/lost] }
      - { name: edited, paths: [/edited] }
      - { name: ended, paths: [/ended] }
      - { name: patched, paths: [/patched], plugins: [{ name: pre-function, config: { access: ["MINE"] } }] }
plugins:
  - name: threat-agent
    config:
      mode: enforce
      store: STORE
      response:
        blast_radius: { good_ratio: 1 }
        policies:
          - { id: patched, routes: [patched], min_confidence: 0.3, min_severity: low,
              steps: [{ action: hot_patch, template: refuse_header, parameter: X-Bad, ttl_s: 45, verify_after_s: 600 }] }
          - { id: ended, routes: [ended], min_confidence: 0.3, min_severity: low,
              steps: [{ action: restrict_route, methods: [GET, POST], ttl_s: 5, verify_after_s: 600 }] }
          - { id: all, min_confidence: 0.3, min_severity: low,
              steps: [{ action: restrict_route, methods: [GET, POST], ttl_s: 45, verify_after_s: 600 }] }
]]


-- Another node than the one before, on the same database.
local function replace(gw)
  gw:restart(function()
    gateway.run("rm -rf " .. gw.prefix .. "/threat-agent " .. gw.prefix .. "/kong.id")
  end)
end


local function describe_store(kind)
  local gw, redis

  setup(function()
    redis = kind == "redis" and receivers.redis()
    local store = redis and ("{ type: redis, redis: { host: 127.0.0.1, port: %d, password: redis-pass } }"):format(redis.port)
                  or "{ type: postgres }"
    gw = gateway.start({ config = CONFIG:gsub("STORE", store):gsub("MINE", MINE), trusted_ips = "127.0.0.1" })
  end)

  teardown(function()
    gw:stop()
    if redis then
      redis:stop()
    end
  end)


  local clients = 0

  local function attack(route)
    clients = clients + 1
    gw:stuff(route, "192.0.2." .. clients)
  end


  local function methods(route)
    local list = gw:admin("GET", "/routes/" .. route).json.methods
    return type(list) == "table" and table.concat(list, ",") or ""
  end


  local function code()
    return gw:admin("GET", "/routes/patched/plugins").json.data[1].config.access
  end


  it("what it changed is set back when its time is over, but for what somebody has changed since", function()
    attack("ended")
    gw:in_state("ended", "expired")

    local routes = { "lost", "edited", "patched" }
    for _, route in ipairs(routes) do
      attack(route)
    end
    for _, route in ipairs(routes) do
      gw:in_state(route, "active")
    end
    assert.equal("GET,POST", methods("lost"))
    assert.equal(2, #code())
    assert.equal(200, gw:admin("PATCH", "/routes/edited", { methods = { "GET" } }).status)
    replace(gw)
    assert.equal("GET,POST", methods("lost"))

    eventually(function() return methods("lost") == "" end, 180)
    assert.same({ MINE }, eventually(function() return #code() == 1 and code() end, 20))
    assert.equal("GET", methods("edited"))
    assert.same({}, gw:records())
    -- Each once, and nothing that was over before.
    eventually(function() return #gw:error_log("is taken back, its time was over") == 3 end, 20)
  end)
end


for _, kind in ipairs({ "redis", "postgres" }) do
  describe(gateway.describe_name("a node that is lost with its files, by " .. kind .. ":"), function()
    describe_store(kind)
  end)
end
