-- An action that does harm is taken back, and told; one against a client that sends most of what goes well is not taken
-- for harmful, nor is one after which nobody comes. By traffic to the demo API.


local gateway = require "spec.support.gateway"
local receivers = require "spec.support.receivers"
local socket = require "socket"


local eventually = gateway.eventually

local INJECTION = "?q=1%27%20UNION%20SELECT%20password%20FROM%20users--"
-- More than verify_after_s, with all that is between.
local WAIT_S = 60
local TURN_S = 0.2


local function service(name)
  return ("  - { name: %s, url: 'http://127.0.0.1:${DEMO_PORT}', routes: [{ name: %s, paths: [/%s] }] }\n")
         :format(name, name, name)
end


local function policy(name, step)
  return ("          - { id: %s, routes: [%s], min_confidence: 0.3, min_severity: low, "
          .. "steps: [{ %s, ttl_s: 600, verify_after_s: 20 }] }\n"):format(name, name, step)
end


local CONFIG = '_format_version: "3.0"\nservices:\n' .. service("town") .. service("sunk") .. service("scraped")
               .. service("asleep") .. service("narrow") .. [[
plugins:
  - name: threat-agent
    config:
      mode: enforce
      behaviour: { action: tag }
      response:
        admin_api: { url: "http://127.0.0.1:${ADMIN_PORT}" }
        blast_radius: { good_ratio: 1 }
        policies:
]] .. policy("town", "action: ban, by: network, suspicion: low")
   .. policy("sunk", "action: reroute, url: 'http://127.0.0.1:1'")
   .. policy("scraped", "action: ban, suspicion: low")
   .. policy("asleep", "action: ban, by: network, suspicion: low")
   .. policy("narrow", "action: restrict_route, methods: [POST]") .. [[
      notifications:
        min_severity: low
        channels: [{ type: webhook, url: "http://127.0.0.1:HTTP/hook" }]
]]


describe(gateway.describe_name("an action"), function()
  local gw, http

  setup(function()
    http = receivers.http()
    gw = gateway.start({ config = (CONFIG:gsub("HTTP", http.port)), trusted_ips = "127.0.0.1" })
  end)

  teardown(function()
    gw:stop()
    http:stop()
  end)


  local function get(route, client, query)
    return gw:http({ path = "/" .. route .. "/products" .. (query or ""), client = client })
  end


  -- Each asks once; in turns of the same length, whatever becomes of them.
  local function ask(route, clients)
    local ends = socket.gettime() + TURN_S
    for _, client in ipairs(clients) do
      get(route, client)
    end
    socket.sleep(math.max(0, ends - socket.gettime()))
  end


  -- Lets clients go on until the action of a route came to something. An attacker attacks until there is an action.
  local function play(route, attacker, clients, is_over)
    for _ = 1, 8 do
      ask(route, clients)
    end

    return eventually(function()
      local record = gw:records(route)[1]
      if not record then
        get(route, attacker, INJECTION)
      end
      ask(route, clients)
      return record and is_over(record) and record
    end, WAIT_S)
  end


  local function is_taken_back(record)
    return record.state == "reverted"
  end


  local function assert_told(record)
    assert.same({ "harmful", "good requests went down with it" }, { record.result, record.why })
    http:await(function(got)
      for _, action in ipairs(got.json.actions or {}) do
        if action.id == record.id and action.state == "reverted" then
          return action.result == "harmful"
        end
      end
    end, "/hook", 30)
  end


  it("in memory that refuses the innocent is taken back and told", function()
    local innocent = { "192.0.2.21", "192.0.2.22", "192.0.2.23", "192.0.2.24", "192.0.2.25" }
    local record = play("town", "192.0.2.9", innocent, is_taken_back)
    assert.same({ "192.0.2.0/24" }, record.clients)
    assert_told(record)
    eventually(function() return get("town", innocent[1]).status == 200 end)
  end)


  it("on an entity after which requests fail is taken back and told", function()
    local url = gw:admin("GET", "/services/sunk").json
    local record = play("sunk", "203.0.113.9", { "203.0.113.21", "203.0.113.22", "203.0.113.23" }, is_taken_back)
    assert_told(record)
    eventually(function()
      local now = gw:admin("GET", "/services/sunk").json
      return now.host == url.host and now.port == url.port
    end)
    eventually(function() return get("sunk", "203.0.113.21").status == 200 end)
  end)


  it("on a route that its users find no more is taken back and told", function()
    local record = play("narrow", "203.0.113.19", { "203.0.113.31", "203.0.113.32", "203.0.113.33" }, is_taken_back)
    assert_told(record)
    eventually(function() return get("narrow", "203.0.113.31").status == 200 end)
  end)


  it("against who sends most of what goes well is no harm to the others", function()
    local scraper = "198.51.100.9"
    local clients = { "198.51.100.21" }
    for n = 2, 8 do
      clients[n] = scraper
    end
    local record = play("scraped", scraper, clients, function(record)
      return record.result
    end)
  assert.same({ "improved", "active" }, { record.result, record.state })
    assert.equal(403, get("scraped", scraper).status)
    assert.equal(200, get("scraped", clients[1]).status)
  end)


  it("after which nobody but the attacker comes stands, and is judged once others come", function()
    local attacker = "100.64.7.9"
    local clients = { "100.64.8.21", "100.64.8.22", "100.64.8.23", "100.64.8.24", "100.64.8.25" }
    play("asleep", attacker, clients, function(record) return record.state == "active" end)
    local night = eventually(function()
      get("asleep", attacker)
      local record = gw:records("asleep")[1]
      return record.result and record
    end, WAIT_S)
    assert.is_true(night.before.good >= 20)
    assert.same({ "unknown", "active" }, { night.result, night.state })

    local record = play("asleep", attacker, clients, function(record) return record.result ~= "unknown" end)
    assert.same({ "improved", "active" }, { record.result, record.state })
  end)
end)
