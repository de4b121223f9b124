-- Workers that are killed just before and just after each write to the Admin API, and while an action
-- stands: the next leader goes on, makes nothing twice, and leaves nothing behind.


local faults = require "spec.support.faults"
local gateway = require "spec.support.gateway"


local eventually = gateway.eventually

-- Kong's own plugins are not part of the embedded gateway.
local has_plugins = gateway.kind ~= "embedded"

local PROXY_PORT = gateway.free_port()
local TTL_S = 12

local STEPS = {
  patched = "action: restrict_route, methods: [GET, POST]",
  made = has_plugins and "action: rate_limiting, per_minute: 50" or nil,
}


local CONFIG = [[
_format_version: "3.0"
services:
  - { name: shop, url: "http://127.0.0.1:${DEMO_PORT}", routes: ROUTES }
plugins:
  - name: threat-agent
    config:
      mode: enforce
      response:
        admin_api: { url: "http://127.0.0.1:]] .. PROXY_PORT .. [[" }
        blast_radius: { good_ratio: 1, route_ratio: 1 }
        budget: { per_minute: 100 }
        policies:
]]


local function config()
  local routes, policies = {}, {}
  for name, step in pairs(STEPS) do
    for _, when in ipairs({ "before", "after" }) do
      local route = name .. "-" .. when
      routes[#routes + 1] = ("{ name: %s, paths: [/%s] }"):format(route, route)
      policies[#policies + 1] = ("          - { id: %s, routes: [%s], min_confidence: 0.3, min_severity: low, "
        .. "steps: [{ %s, ttl_s: %d, verify_after_s: 600 }] }\n"):format(route, route, step, TTL_S)
    end
  end

  return CONFIG:gsub("ROUTES", "[" .. table.concat(routes, ", ") .. "]") .. table.concat(policies)
end


gateway.describe("killed in the middle:", { config = config(), trusted_ips = "127.0.0.1" }, function(gw)
  local proxy

  setup(function()
    proxy = faults.start(gw, PROXY_PORT, "pass")
    eventually(function()
      return gw:http({ path = "/patched-before/products" }).status == 200
    end, 30)
  end)

  teardown(function()
    proxy:stop()
  end)


  local function admin(path)
    return eventually(function()
      local response = gw:admin("GET", path)
      return response.status == 200 and response.json
    end, 20)
  end


  local function methods(route)
    local list = admin("/routes/" .. route).methods
    return type(list) == "table" and table.concat(list, ",") or ""
  end


  local function limits(route)
    local count = 0
    for _, one in ipairs(admin("/routes/" .. route .. "/plugins").data) do
      count = count + (one.name == "rate-limiting" and 1 or 0)
    end

    return count
  end


  local function stands(route)
    return methods(route) == "GET,POST" or limits(route) > 0
  end


  local clients = 0

  local function attack(route)
    clients = clients + 1
    gw:stuff(route, "192.0.2." .. clients)
  end


  for name in pairs(STEPS) do
    for _, when in ipairs({ "before", "after" }) do
      it("what is " .. name .. " is there once, and then gone: " .. when .. " the write", function()
        local route = name .. "-" .. when
        assert.is_false(stands(route))
        proxy:mode("writes:kill-" .. when)
        attack(route)
        eventually(function() return proxy:has_passed() end, 20)
        gw:in_state(route, "active", 100)
        assert.is_true(stands(route))
        assert.is_true(limits(route) <= 1)

        -- While it stands, and then at its end.
        for _, pid in ipairs(gw:worker_pids()) do
          gateway.run("kill -9 " .. pid)
        end
        proxy:mode("writes:kill-" .. when)
        eventually(function() return proxy:has_passed() end, TTL_S + 20)
        gw:in_state(route, "expired", 100)
        assert.is_false(stands(route))
        assert.equal(1, #gw:records(route))
      end)
    end
  end


  it("nothing of the agent's is left", function()
    for _, one in ipairs(admin("/plugins").data) do
      assert.is_true(type(one.tags) ~= "table" or one.tags[1] ~= "threat-agent", one.name)
    end
  end)
end)
