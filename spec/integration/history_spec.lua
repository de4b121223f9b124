-- A node that starts with a broken configuration and knows of none before it: decK files say what it was,
-- so that the change is named and taken back. And the node keeps such files itself.


local gateway = require "spec.support.gateway"
local lyaml = require "lyaml"


-- The configuration of a node with a database does not come with its start.
if gateway.kind ~= "embedded" and gateway.kind ~= "kong" then
  return
end


local eventually = gateway.eventually


local CONFIG = [[
_format_version: "3.0"
services:
  - { name: deployed, url: "http://127.0.0.1:SHOP", routes: [{ name: deployed, paths: [/deployed] }] }
  - { name: other, url: "http://127.0.0.1:${DEMO_PORT}", routes: [{ name: other, paths: [/other] }] }
plugins:
  - name: threat-agent
    config:
      mode: enforce
      response:
        history_folder: "${PREFIX}/history"
        policies:
          - id: deployed
            categories: [route_misconfiguration]
            min_severity: low
            min_confidence: 0.3
            steps: [{ action: rollback, ttl_s: 0 }]
]]
local DEPLOYED = CONFIG:gsub("SHOP", "${DEMO_PORT}")


gateway.describe("decK files as history:", { config = DEPLOYED, trusted_ips = "127.0.0.1" }, function(gw)
  local function kept()
    local list = {}
    for path in (gateway.run("ls " .. gw.prefix .. "/threat-agent/configuration-*.yaml") or ""):gmatch("%S+%.yaml") do
      list[#list + 1] = path
    end

    return list
  end


  local n = 0

  local function send()
    n = n + 1
    return gw:http({ path = "/deployed/products", client = "198.51.100." .. n % 60 + 1 })
  end


  it("a node keeps what its configuration was", function()
    eventually(function() return #kept() == 1 end, 20)
    local document = lyaml.load(gateway.read_file(kept()[1]))
    assert.equal("3.0", document._format_version)
    assert.equal("deployed", document.services[1].routes[1].name)
  end)


  it("a new node with a broken one finds in them what broke it, and takes it back", function()
    for _ = 1, 60 do
      assert.equal(200, send().status)
    end
    -- What the routes are used to is saved by and by.
    eventually(function() return #gateway.read_file(gw.prefix .. "/threat-agent/learned.json") > 0 end, 30)

    gateway.run("mkdir " .. gw.prefix .. "/history")
    gateway.run("cp " .. gw.prefix .. "/config.yml " .. gw.prefix .. "/history/2026-11-22.yaml")
    gateway.run("rm " .. gw.prefix .. "/threat-agent/configuration* " .. gw.prefix .. "/threat-agent/changes.json")
    gw:write_config((CONFIG:gsub("SHOP", "1")))
    gw:restart()
    eventually(function() return #gw:error_log("before is taken from") > 0 end)

    local record = eventually(function()
      send()
      local found = gw:admin("GET", "/threat-agent/actions").json.data[1]
      return found and found.state == "active" and found
    end, 60)
    assert.equal("rollback", record.action)
    assert.equal("services", record.changes[1].kind)
    assert.equal(gw.demo_port, gw:admin("GET", "/services/deployed").json.port)
    eventually(function() return send().status == 200 end)
    assert.is_true(#kept() >= 1)
  end)
end)
