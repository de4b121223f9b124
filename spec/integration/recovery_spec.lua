-- Whatever step an agent dies at, the next one goes on there, makes nothing twice, and leaves nothing
-- behind.


local cjson = require "cjson.safe"
local gateway = require "spec.support.gateway"


local eventually = gateway.eventually


local CONFIG = [[
_format_version: "3.0"
services:
  - name: shop
    url: http://127.0.0.1:${DEMO_PORT}
    routes:
      - { name: shop, paths: [/shop] }
      - { name: orphaned, paths: ["/orphaned"] }
plugins:
  - name: threat-agent
    config:
      mode: enforce
      response:
        admin_api: { url: "http://127.0.0.1:${ADMIN_PORT}" }
        blast_radius: { good_ratio: 1, route_ratio: 1 }
        policies:
          - id: all
            min_confidence: 0.3
            min_severity: low
            steps: [{ action: restrict_route, methods: [GET, POST], ttl_s: 3600, verify_after_s: 3600 }]
  # What an agent made that is gone, and whose time is over; and one of somebody else's.
  - { name: key-auth, route: orphaned, tags: [threat-agent, "incident:GONE", "expires:1000"] }
]]


gateway.describe("an agent that is killed", { config = CONFIG, trusted_ips = "127.0.0.1" }, function(gw)
  local function actions()
    return gw:agent("GET", "/actions").json.data
  end


  local function in_state(state)
    return eventually(function()
      local record = actions()[1]
      return record and record.state == state and record
    end, 30)
  end


  local function methods()
    local list = gw:admin("GET", "/routes/shop").json.methods
    return type(list) == "table" and table.concat(list, ",") or ""
  end


  -- Ends the workers as they are, with the journal as it stood after a step; the master starts
  -- others.
  local function killed_at(state)
    local path = gw.prefix .. "/threat-agent/actions.json"
    local records = cjson.decode(gateway.read_file(path))
    records[1].state = state
    gateway.write_file(path, cjson.encode(records))
    for _, pid in ipairs(gw:worker_pids()) do
      gateway.run("kill -9 " .. pid)
    end
  end


  it("leaves what it made to others, once its time is over", function()
    eventually(function()
      return gw:http({ path = "/orphaned/products" }).status == 200
    end, 20)
    assert.is_true(#gw:error_log("of an agent that is gone: deleted") > 0)
  end)


  it("before it applied: the next one applies", function()
    for n = 1, 14 do
      gw:http({ path = "/shop/login", json = { username = "user-" .. n, password = "x" },
                headers = { ["x-forwarded-for"] = "192.0.2.10" } })
    end
    local record = in_state("active")
    assert.equal("GET,POST", methods())

    -- As it stood before anything was written to the Admin API.
    gw:agent("POST", "/actions/" .. record.id .. "/revert")
    in_state("reverted")
    assert.equal("", methods())
    killed_at("applying")
    in_state("active")
    assert.equal("GET,POST", methods())
  end)


  it("after it applied, before it wrote that down: nothing is done twice", function()
    killed_at("applying")
    in_state("active")
    assert.equal("GET,POST", methods())
    assert.equal(1, #actions())
  end)


  it("while it took back: the next one takes back, once", function()
    local record = in_state("active")
    killed_at("reverting")
    eventually(function() return actions()[1].state ~= "reverting" end, 20)
    assert.equal("", methods())
    assert.equal(record.id, actions()[1].id)

    killed_at("reverting")
    eventually(function() return actions()[1].state ~= "reverting" end, 20)
    assert.equal("", methods())
  end)
end)
