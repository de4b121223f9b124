-- With `writes: patch` the agent changes nothing: its changes are files for who keeps the configuration.


local gateway = require "spec.support.gateway"
local lyaml = require "lyaml"


local eventually = gateway.eventually

-- Kong's own plugins are not part of the embedded gateway.
local has_plugins = gateway.kind ~= "embedded"


local CONFIG = [[
_format_version: "3.0"
services:
  - name: shop
    url: http://127.0.0.1:${DEMO_PORT}
    routes: [{ name: shop, paths: [/shop] }]
plugins:
  - name: threat-agent
    config:
      mode: enforce
      response:
        admin_api: { writes: patch }
        blast_radius: { good_ratio: 1 }
        policies:
          - id: all
            min_confidence: 0.3
            min_severity: low
            steps:
              - { action: ban, suspicion: low, ttl_s: 600 }
              - { action: restrict_route, methods: [GET, POST], ttl_s: 600 }
]] .. (has_plugins and "              - { action: ip_restriction, suspicion: low, ttl_s: 600 }\n" or "")


gateway.describe("handed out:", { config = CONFIG, trusted_ips = "127.0.0.1" }, function(gw)
  it("changes are decK files, and nothing is written; bans in memory hold", function()
    for n = 1, 14 do
      gw:http({ path = "/shop/login", json = { username = "user-" .. n, password = "x" },
                headers = { ["x-forwarded-for"] = "192.0.2.1" } })
    end
    local by_action = {}
    eventually(function()
      for _, record in ipairs(gw:records("shop")) do
        by_action[record.action] = record
      end
      return by_action.ban and by_action.restrict_route and (by_action.ip_restriction or not has_plugins)
    end, 20)
    assert.equal("active", by_action.ban.state)
    assert.equal(403, gw:http({ path = "/shop/products", client = "192.0.2.1" }).status)

    local route = gw:admin("GET", "/routes/shop").json
    assert.is_not_table(route.methods)
    local record = by_action.restrict_route
    assert.equal("handed_out", record.state)
    assert.equal("patch", record.tier)
    local text = gw:admin("GET", "/threat-agent/actions/" .. record.id .. "/patch").body
    assert.same({ { id = route.id, methods = { "GET", "POST" } } }, lyaml.load(text).routes)
    assert.equal(text, gateway.read_file(gw.prefix .. "/threat-agent/" .. record.id .. ".yaml"))

    if has_plugins then
      record = by_action.ip_restriction
      assert.equal("handed_out", record.state)
      local plugin = lyaml.load(gw:admin("GET", "/threat-agent/actions/" .. record.id .. "/patch").body).plugins[1]
      assert.same({ name = "ip-restriction", route = route.id, deny = { "192.0.2.1" } },
                  { name = plugin.name, route = plugin.route, deny = plugin.config.deny })
      assert.same({ "threat-agent", "incident:" .. record.incident }, plugin.tags)
      assert.equal(0, #gw:admin("GET", "/routes/shop/plugins").json.data)
    end
  end)
end)
