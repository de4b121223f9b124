-- What Kong 3.4 lacks: the phase `configure` came with 3.5. Engines are then made by the first
-- request that needs them. On the embedded gateway, which can leave the phase out.


local gateway = require "spec.support.gateway"


local CONFIG = [[
_format_version: "3.0"
services:
  - name: echo
    url: http://127.0.0.1:${DEMO_PORT}/echo
    routes: [ { name: echo, paths: ["/echo"] } ]
plugins:
  - name: threat-agent
    config:
      mode: enforce
      rules: [ { id: tools, action: block, ban_s: 60, user_agents: [acme-crawler] } ]
]]


if gateway.kind == "embedded" then
  gateway.describe("without the phase `configure`", {
    config = CONFIG,
    trusted_ips = "127.0.0.1",
    env = { EMBEDDED_KONG_VERSION = "3.4.2" },
  }, function(gw)
    local function get(client, agent)
      return gw:http({ path = "/echo", headers = { ["user-agent"] = agent, ["x-forwarded-for"] = client } }).status
    end


    it("requests are refused, and clients banned, all the same", function()
      assert.equal("3.4.2", gw:admin("GET", "/").json.version)
      assert.equal(200, get("192.0.2.1", "curl"))
      assert.equal(403, get("192.0.2.2", "acme-crawler"))
      assert.equal(403, get("192.0.2.2", "curl"))
    end)

    it("the status knows that it enforces once a request has come", function()
      get("192.0.2.1", "curl")
      gateway.eventually(function()
        get("192.0.2.1", "curl")
        return gw:admin("GET", "/threat-agent/status").json.enforcing
      end)
    end)

    it("a changed config takes effect", function()
      assert.equal(403, get("192.0.2.3", "acme-crawler"))
      local rule = { id = "tools", action = "tag", user_agents = { "acme-crawler" } }
      assert.equal(200, gw:patch_plugin("threat-agent", { rules = { rule } }).status)
      -- A client of its own each time: one that the old config refuses is banned.
      local client = 3
      gateway.eventually(function()
        client = client + 1
        return get("192.0.2." .. client, "acme-crawler") == 200
      end, 5)
    end)
  end)
end
