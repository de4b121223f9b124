-- Workers that are killed between two changes of one action, and between taking back the two.


local faults = require "spec.support.faults"
local gateway = require "spec.support.gateway"
local lyaml = require "lyaml"


local eventually = gateway.eventually

local PROXY_PORT = gateway.free_port()
local WHEN = { "before", "after" }


local function services()
  local lines = {}
  for i, when in ipairs(WHEN) do
    lines[i] = ("  - { name: %s, url: 'http://127.0.0.1:${DEMO_PORT}', routes: [{ name: %s, paths: [/%s] }] }\n")
               :format(when, when, when)
  end

  return table.concat(lines)
end


local CONFIG = '_format_version: "3.0"\nservices:\n' .. services() .. [[
plugins:
  - name: threat-agent
    config:
      mode: enforce
      response:
        admin_api: { url: "http://127.0.0.1:]] .. PROXY_PORT .. [[" }
        policies:
          - id: deploys
            categories: [route_misconfiguration]
            min_severity: low
            min_confidence: 0.3
            steps: [{ action: rollback, ttl_s: 3600, verify_after_s: 3600 }]
]]


gateway.describe("killed between two changes:", { config = CONFIG, trusted_ips = "127.0.0.1" }, function(gw)
  local proxy

  setup(function()
    proxy = faults.start(gw, PROXY_PORT, "pass")
    eventually(function()
      return gw:http({ path = "/before/products" }).status == 200
    end, 30)
  end)

  teardown(function()
    proxy:stop()
  end)


  local n = 0

  local function status(name)
    n = n + 1
    local response = gw:http({ path = "/" .. name .. "/products", client = "198.51.100." .. n % 60 + 1 })
    return response.status
  end


  -- A dead port and a route that keeps the client's host, in one deploy.
  local function deploy(name)
    if gateway.kind ~= "kong" then
      assert.equal(200, gw:admin("PATCH", "/services/" .. name, { port = 1 }).status)
      assert.equal(200, gw:admin("PATCH", "/routes/" .. name, { preserve_host = true }).status)
      return
    end

    local document = lyaml.load(gw:admin("GET", "/config").json.config)
    for _, one in ipairs(document.services) do
      one.port = one.name == name and 1 or one.port
    end
    for _, one in ipairs(document.routes) do
      one.preserve_host = one.name == name or one.preserve_host
    end
    assert.equal(201, gw:admin("POST", "/config", { config = lyaml.dump({ document }) }).status)
  end


  -- Port and host of what stands.
  local function standing(name)
    return eventually(function()
      local service, route = gw:admin("GET", "/services/" .. name), gw:admin("GET", "/routes/" .. name)
      return service.status == 200 and route.status == 200 and { service.json.port, route.json.preserve_host }
    end, 20)
  end


  local function kill_at_second_write(when)
    proxy:mode("writes:pass-1:kill-" .. when)
  end


  for _, when in ipairs(WHEN) do
    it("both are there, and then both are as they were: " .. when .. " the second", function()
      for _ = 1, 60 do
        assert.equal(200, status(when))
      end
      eventually(function()
        return #gateway.read_file(gw.prefix .. "/threat-agent/configuration.json") > 0
      end)
      kill_at_second_write(when)
      deploy(when)
      eventually(function()
        pcall(status, when)
        return proxy:has_passed()
      end, 40)
      local record = gw:in_state(when, "active", 100)
      assert.equal(2, #record.changes)
      assert.same({ gw.demo_port, false }, standing(when))
      eventually(function() return status(when) == 200 end, 20)

      kill_at_second_write(when)
      assert.equal(202, gw:agent("POST", "/actions/" .. record.id .. "/revert").status)
      eventually(function() return proxy:has_passed() end, 40)
      gw:in_state(when, "reverted", 100)
      assert.same({ 1, true }, standing(when))
      assert.equal(1, #gw:records(when))
    end)
  end
end)
