-- Under attacks on many routes by many clients the agent's own writes stay within its budget: an
-- attacker cannot make it rewrite the gateway's configuration.


local faults = require "spec.support.faults"
local gateway = require "spec.support.gateway"


local eventually = gateway.eventually

local PROXY_PORT = gateway.free_port()
local ROUTES = 12
local PER_MINUTE = 4


local function routes()
  local lines = {}
  for n = 1, ROUTES do
    lines[n] = ("      - { name: r%02d, paths: [/r%02d] }\n"):format(n, n)
  end

  return table.concat(lines)
end


local CONFIG = [[
_format_version: "3.0"
services:
  - name: shop
    url: http://127.0.0.1:${DEMO_PORT}
    routes:
]] .. routes() .. [[
plugins:
  - name: threat-agent
    config:
      mode: enforce
      response:
        admin_api: { url: "http://127.0.0.1:]] .. PROXY_PORT .. [[" }
        blast_radius: { good_ratio: 1, route_ratio: 1 }
        budget: { per_minute: ]] .. PER_MINUTE .. [[ }
        policies:
          - id: all
            min_confidence: 0.3
            min_severity: low
            steps:
              - { action: restrict_route, methods: [GET, POST], ttl_s: 600, verify_after_s: 600 }
              - { action: ban, suspicion: low, ttl_s: 600, verify_after_s: 600 }
]]


gateway.describe("a flood:", { config = CONFIG, trusted_ips = "127.0.0.1" }, function(gw)
  local proxy

  setup(function()
    proxy = faults.start(gw, PROXY_PORT, "pass")
  end)

  teardown(function()
    proxy:stop()
  end)


  -- Stolen names and passwords, tried by a client that changes its address for each handful.
  local function attack(route)
    for n = 1, 28 do
      gw:http({ path = ("/r%02d/login"):format(route), json = { username = "user-" .. n, password = "x" },
                headers = { ["x-forwarded-for"] = ("198.51.%d.%d"):format(route, n > 14 and 2 or 1) } })
    end
  end


  -- The records of an action, and how many routes have one.
  local function records_of(action)
    local found, routes_with, number = {}, {}, 0
    for _, record in ipairs(gw:agent("GET", "/actions").json.data) do
      if record.action == action then
        found[#found + 1] = record
        number = number + (routes_with[record.place.route] and 0 or 1)
        routes_with[record.place.route] = true
      end
    end

    return found, number
  end


  it("spends the budget and no more", function()
    for route = 1, ROUTES do
      attack(route)
    end

    local records = eventually(function()
      local found = records_of("restrict_route")
      return #found >= ROUTES and found
    end, 40)
    local done, refused, within = 0, 0, 0
    for _, record in ipairs(records) do
      if record.state == "refused" then
        assert.matches("budget of " .. PER_MINUTE .. " actions a minute", record.why)
        refused = refused + 1
      else
        assert.equal("active", record.state)
        done = done + 1
        -- What a slow machine spreads over more than a minute has more than one minute's budget.
        within = within + (record.applied_s < records[#records].applied_s + 60 and 1 or 0)
      end
    end
    assert.equal(PER_MINUTE, within)
    assert.equal(#records, done + refused)

    local restricted = 0
    for n = 1, ROUTES do
      local methods = gw:admin("GET", ("/routes/r%02d"):format(n)).json.methods
      restricted = restricted + (type(methods) == "table" and 1 or 0)
    end
    assert.equal(done, restricted)

    -- One write for each change, none for what was refused, and none for bans.
    assert.equal(done, proxy:count("writes"))
    assert.equal(200, gw:http({ path = "/r01/products" }).status)
  end)


  it("leaves bans in memory their own", function()
    local bans = eventually(function()
      local found, number = records_of("ban")
      return number == ROUTES and found
    end, 20)
    for _, ban in ipairs(bans) do
      assert.equal("active", ban.state, ban.why)
    end
  end)
end)
