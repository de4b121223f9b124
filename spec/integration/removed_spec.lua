-- The platform's instance is removed while something stands, and others are left: nothing new is done by what is gone,
-- and what stands ends in time, also by a leader that never knew of the instance.


local gateway = require "spec.support.gateway"


local eventually = gateway.eventually

local TTL_S = 25


local CONFIG = [[
_format_version: "3.0"
services:
  - name: shop
    url: http://127.0.0.1:${DEMO_PORT}
    routes:
      - { name: changed, paths: [/changed] }
      - name: later
        paths: [/later]
        plugins: [{ name: threat-agent, config: { mode: enforce } }]
plugins:
  - name: threat-agent
    config:
      mode: enforce
      response:
        blast_radius: { good_ratio: 1 }
        policies:
          - { id: all, min_confidence: 0.3, min_severity: low,
              steps: [{ action: restrict_route, methods: [GET, POST], ttl_s: ]] .. TTL_S .. [[, verify_after_s: 600 }] }
]]


gateway.describe("without the instance that it acted by, the agent", { config = CONFIG, trusted_ips = "127.0.0.1" }, function(gw)
  local function methods()
    local list = gw:admin("GET", "/routes/changed").json.methods
    return type(list) == "table" and table.concat(list, ",") or ""
  end


  local function remove()
    if gateway.kind ~= "kong" then
      for _, one in ipairs(gw:plugins("threat-agent")) do
        if type(one.route) ~= "table" then
          assert.equal(204, gw:admin("DELETE", "/plugins/" .. one.id).status)
        end
      end
      return
    end

    local lyaml = require "lyaml"
    local document = lyaml.load(gw:admin("GET", "/config").json.config)
    for i = #document.plugins, 1, -1 do
      local one = document.plugins[i]
      if one.name == "threat-agent" and type(one.route) ~= "string" then
        table.remove(document.plugins, i)
      end
    end
    assert.equal(201, gw:admin("POST", "/config", { config = lyaml.dump({ document }) }).status)
  end


  it("begins nothing, and a leader that never knew of it ends what stands", function()
    gw:stuff("changed", "192.0.2.1")
    eventually(function()
      local record = gw:records("changed")[1]
      return record and record.state == "active"
    end, 20)
    assert.equal("GET,POST", methods())

    remove()
    eventually(function() return #gw:plugins("threat-agent") == 1 end)
    -- No request is judged by it any more.
    eventually(function()
      gw:stuff("later", "192.0.2.2")
      return #gw:error_log("on route later") > 0
    end, 20)
    for _, pid in ipairs(gw:worker_pids()) do
      gateway.run("kill -9 " .. pid)
    end
    eventually(function() return gw:http({ path = "/later/products" }).status == 200 end)

    eventually(function() return gw:records("changed")[1].state == "expired" end, TTL_S + 20)
    assert.equal("", methods())
    assert.same({}, gw:records("later"))
  end)
end)
