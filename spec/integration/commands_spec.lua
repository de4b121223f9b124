-- What operators were told is accepted is done, also where the gateway is reloaded or started anew the next moment.


local gateway = require "spec.support.gateway"


local eventually = gateway.eventually


local CONFIG = [[
_format_version: "3.0"
services: [{ name: shop, url: "http://127.0.0.1:${DEMO_PORT}", routes: [{ name: shop, paths: ["/"] }] }]
plugins: [{ name: threat-agent, config: { mode: enforce } }]
]]


gateway.describe("what an operator asks for", { config = CONFIG, trusted_ips = "127.0.0.1" }, function(gw)
  -- A Postgres of the run's own does not come again.
  local ways = gateway.kind == "kong-postgres" and { "reload", "reload" } or { "restart", "reload", "restart" }

  for number, way in ipairs(ways) do
    it("is done after a " .. way .. ", once (" .. number .. ")", function()
      local client = "192.0.2." .. number
      assert.equal(202, gw:admin("POST", "/threat-agent/bans", { client = client, ttl_s = 600, reason = "spec" }).status)
      gw[way](gw)
      eventually(function()
        local bans, state = 0, nil
        for _, record in ipairs(gw:records()) do
          if record.clients[1] == client then
            bans, state = bans + 1, record.state
          end
        end
        return bans == 1 and state == "active"
      end, 30)
    end)
  end
end)
