-- Somebody undoes what an action made while it stands: that is told, and no longer counted as enforced.


local gateway = require "spec.support.gateway"


local eventually = gateway.eventually


local CONFIG = [[
_format_version: "3.0"
services:
  - { name: shop, url: "http://127.0.0.1:${DEMO_PORT}", routes: [{ name: edited, paths: [/edited] }] }
plugins:
  - name: threat-agent
    config:
      mode: enforce
      response:
        admin_api: { url: "http://127.0.0.1:${ADMIN_PORT}" }
        blast_radius: { good_ratio: 1 }
        policies:
          - { id: all, min_confidence: 0.3, min_severity: low,
              steps: [{ action: restrict_route, methods: [GET], ttl_s: 600, verify_after_s: 600 }] }
]]


gateway.describe("what stands is watched:", { config = CONFIG, trusted_ips = "127.0.0.1" }, function(gw)
  -- Sets the methods of the route as its gateway has it: by the whole, where there is no database.
  local function edit(from, to)
    if gateway.kind ~= "kong" then
      assert.equal(200, gw:admin("PATCH", "/routes/edited", { methods = { to } }).status)
      return
    end

    local text = gw:admin("GET", "/config").json.config
    text = text:gsub("methods:\n  %- " .. from, "methods:\n  - " .. to)
    assert.equal(201, gw:admin("POST", "/config", { config = text }).status)
  end


  local function tiers()
    local number = 0
    for _, one in pairs(gw:agent("GET", "/status").json.actions.tiers) do
      number = number + one
    end

    return number
  end


  it("an edit is told within a minute or so, and its end as well", function()
    for n = 1, 14 do
      gw:http({ path = "/edited/login", json = { username = "user-" .. n, password = "x" },
                headers = { ["x-forwarded-for"] = "192.0.2.1" } })
    end
    eventually(function()
      local record = gw:records("edited")[1]
      return record and record.state == "active"
    end, 20)
    assert.equal(1, tiers())

    edit("GET", "PUT")
    eventually(function() return gw:records("edited")[1].stands == false end, 75)
    assert.equal("what it made was changed since", gw:records("edited")[1].why)
    assert.equal("active", gw:records("edited")[1].state)
    assert.equal(0, tiers())
    assert.same({ "PUT" }, gw:admin("GET", "/routes/edited").json.methods)

    edit("PUT", "GET")
    eventually(function() return gw:records("edited")[1].stands == true end, 75)
    assert.equal(1, tiers())
  end)
end)
