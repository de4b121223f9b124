-- Kong loads handlers in the stream subsystem, too, where half of what http has is missing.


local gateway = require "spec.support.gateway"


local CONFIG = [[
_format_version: "3.0"
services:
  - name: echo
    url: http://127.0.0.1:${DEMO_PORT}/echo
    routes: [ { name: echo, paths: ["/echo"] } ]
plugins:
  - { name: threat-agent, config: { mode: enforce, rules: [ { id: tools, action: block, user_agents: [sqlmap] } ] } }
]]


if gateway.kind ~= "embedded" then
  describe(gateway.describe_name("beside the stream subsystem"), function()
    it("the gateway starts, and enforces on http", function()
      local gw = gateway.start({ config = CONFIG, env = { KONG_STREAM_LISTEN = "127.0.0.1:" .. gateway.free_port() } })
      finally(function() gw:stop() end)
      assert.equal(200, gw:http({ path = "/echo" }).status)
      assert.equal(403, gw:http({ path = "/echo", headers = { ["user-agent"] = "sqlmap" } }).status)
      for _, line in ipairs(gw:error_log("threat-agent")) do
        assert.is_nil(line:find("%[error%]") or line:find("%[crit%]"), line)
      end
    end)
  end)
end
