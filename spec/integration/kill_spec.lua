-- The kill switch by a file and by the configuration: everything is taken back, nothing is begun, and when it is lifted
-- the agent acts as before. (By the API: response_spec.)


local gateway = require "spec.support.gateway"


local eventually = gateway.eventually


local CONFIG = [[
_format_version: "3.0"
services:
  - name: shop
    url: http://127.0.0.1:${DEMO_PORT}
    routes:
      - { name: banned-file, paths: [/banned-file] }
      - { name: changed-file, paths: [/changed-file] }
      - { name: banned-config, paths: [/banned-config] }
      - { name: changed-config, paths: [/changed-config] }
      - { name: later-file, paths: [/later-file] }
      - { name: later-config, paths: [/later-config] }
      - { name: after-file, paths: [/after-file] }
      - { name: after-config, paths: [/after-config] }
plugins:
  - name: threat-agent
    config:
      mode: enforce
      behaviour: { action: tag }
      response:
        admin_api: { url: "http://127.0.0.1:${ADMIN_PORT}" }
        blast_radius: { good_ratio: 1 }
        budget: { per_minute: 100 }
        policies:
          - { id: changes, routes: [changed-file, changed-config], min_confidence: 0.3, min_severity: low,
              steps: [{ action: restrict_route, methods: [GET, POST], ttl_s: 600, verify_after_s: 600 }] }
          - { id: bans, min_confidence: 0.3, min_severity: low,
              steps: [{ action: ban, ttl_s: 600, verify_after_s: 600 }] }
]]


gateway.describe("the kill switch", { config = CONFIG, trusted_ips = "127.0.0.1" }, function(gw)
  local clients = 0

  local function attack(route)
    clients = clients + 1
    local client = "192.0.2." .. clients
    gw:stuff(route, client)

    return client
  end


  local function status_of(client, route)
    return gw:http({ path = "/" .. route .. "/products", client = client }).status
  end


  local SWITCHES = {
    file = function(is_on)
      local path = gw.prefix .. "/threat-agent/kill"
      if is_on then
        gateway.write_file(path, "an operator\n")
      else
        os.remove(path)
      end
    end,

    config = function(is_on)
      assert.is_true(gw:patch_plugin("threat-agent", { response = { kill_switch = is_on } }).status < 300)
    end,
  }


  for _, how in ipairs({ "file", "config" }) do
    it("by a " .. how .. " takes everything back, stops everything, and can be lifted", function()
      local banned, changed = "banned-" .. how, "changed-" .. how
      local client = attack(banned)
      attack(changed)
      gw:in_state(banned, "active")
      gw:in_state(changed, "active")
      assert.equal(403, status_of(client, banned))
      assert.same({ "GET", "POST" }, gw:admin("GET", "/routes/" .. changed).json.methods)

      SWITCHES[how](true)
      assert.equal("the kill switch is on", gw:in_state(banned, "reverted").why)
      gw:in_state(changed, "reverted")
      assert.equal(200, status_of(client, banned))
      assert.not_equal("table", type(gw:admin("GET", "/routes/" .. changed).json.methods))

      local later = "later-" .. how
      client = attack(later)
      eventually(function() return #gw:error_log("on route " .. later) > 0 end)
      assert.equal(200, status_of(client, later))
      for _, record in ipairs(gw:records(later)) do
        assert.equal("refused", record.state)
      end

      SWITCHES[how](false)
      local after = "after-" .. how
      client = attack(after)
      gw:in_state(after, "active")
      assert.equal(403, status_of(client, after))
    end)
  end
end)
