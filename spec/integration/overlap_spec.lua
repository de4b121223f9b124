-- Two actions on one entity, and on one sender: each ends without taking the other along, and leaves
-- everything as it was.


local gateway = require "spec.support.gateway"


local eventually = gateway.eventually

local TTL_S = 12


local CONFIG = [[
_format_version: "3.0"
services:
  - name: shop
    url: http://127.0.0.1:${DEMO_PORT}
    routes:
      - { name: entity, paths: [/entity] }
      - { name: sender, paths: [/sender] }
plugins:
  - name: threat-agent
    config:
      mode: enforce
      response:
        admin_api: { url: "http://127.0.0.1:${ADMIN_PORT}" }
        blast_radius: { good_ratio: 1 }
        policies:
          - id: entity
            routes: [entity]
            min_confidence: 0.3
            min_severity: low
            steps:
              - { action: restrict_route, methods: [GET, POST, PUT], ttl_s: ]] .. TTL_S .. [[, verify_after_s: 600 }
              - { action: restrict_route, methods: [GET, POST], ttl_s: ]] .. TTL_S .. [[, verify_after_s: 600 }
          - id: sender
            routes: [sender]
            min_confidence: 0.3
            min_severity: low
            steps: [{ action: ban, scope: global, suspicion: low, ttl_s: ]] .. TTL_S .. [[, verify_after_s: 600 }]
]]


gateway.describe("two actions", { config = CONFIG, trusted_ips = "127.0.0.1" }, function(gw)
  -- Waits for the record of a route's step to come to a state.
  local function state_of(id, state)
    return eventually(function()
      local record = gw:agent("GET", "/actions/" .. id).json
      return record and record.state == state and record
    end, 40)
  end


  local function first_of(route)
    return eventually(function()
      local records = gw:records(route)
      return records[#records]
    end, 20)
  end


  it("on one entity come one after the other", function()
    local function methods()
      local found = gw:admin("GET", "/routes/entity").json.methods
      return type(found) == "table" and #found or 0
    end
    assert.equal(0, methods())

    gw:stuff("entity", "192.0.2.1")
    local first = first_of("entity")
    local second = first.incident .. "-entity-2"
    state_of(first.incident .. "-entity-1", "active")
    assert.matches("is changed by the action " .. first.incident .. "%-entity%-1", state_of(second, "refused").why)
    assert.equal(3, methods())

    assert.is_nil(state_of(second, "active").may_pass)
    state_of(first.incident .. "-entity-1", "expired")
    assert.equal(2, methods())
    state_of(second, "expired")
    assert.equal(0, methods())
  end)


  it("on one sender end each by its own time", function()
    local function status()
      return gw:http({ path = "/entity/products", client = "192.0.2.2" }).status
    end
    gw:stuff("sender", "192.0.2.2")
    local id = first_of("sender").id
    state_of(id, "active")
    assert.equal(403, status())
    assert.equal(202, gw:agent("POST", "/bans",
                               { client = "192.0.2.2", ttl_s = 3600, reason = "for longer" }).status)
    eventually(function()
      for _, record in ipairs(gw:agent("GET", "/actions").json.data) do
        if record.by_operator and record.state == "active" then
          return true
        end
      end
    end, 10)

    state_of(id, "expired")
    assert.equal(403, status())
    assert.equal(202, gw:agent("DELETE", "/bans/192.0.2.2").status)
    eventually(function() return status() == 200 end, 10)
  end)
end)
