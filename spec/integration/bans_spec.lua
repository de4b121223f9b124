-- What stands on senders in memory is what was decided: also where the gateway is started anew the next moment, and where the
-- file that remembers it is lost.


local gateway = require "spec.support.gateway"


local eventually = gateway.eventually


local CONFIG = [[
_format_version: "3.0"
services:
  - { name: shop, url: "http://127.0.0.1:${DEMO_PORT}", routes: [{ name: shop, paths: [/shop] }] }
plugins:
  - name: threat-agent
    config: { mode: enforce }
]]


gateway.describe("bans:", { config = CONFIG, trusted_ips = "127.0.0.1" }, function(gw)
  local function status(client)
    return gw:http({ path = "/shop/products", client = client }).status
  end


  local function record_of(client, state)
    return eventually(function()
      for _, record in ipairs(gw:records()) do
        if record.clients[1] == client and record.state == state then
          return record
        end
      end
    end, 20)
  end


  local function ban(client, ttl_s)
    assert.equal(202, gw:agent("POST", "/bans", { client = client, ttl_s = ttl_s, reason = "a spec" }).status)
    return record_of(client, "active")
  end


  it("one that was just set, and one that was just lifted, are so after a restart", function()
    ban("192.0.2.1", 600)
    ban("192.0.2.2", 600)
    assert.equal(403, status("192.0.2.2"))
    assert.equal(202, gw:agent("DELETE", "/bans/192.0.2.2").status)
    record_of("192.0.2.2", "reverted")
    gw:restart()
    assert.equal(403, status("192.0.2.1"))
    assert.equal(200, status("192.0.2.2"))
  end)


  it("one that memory lost is put back for the rest of its time", function()
    local lasting, short = ban("192.0.2.3", 600), ban("192.0.2.4", 20)
    gw:restart(function()
      os.remove(gw.prefix .. "/threat-agent/bans.snapshot")
    end)
    eventually(function() return status("192.0.2.3") == 403 end, 20)
    local said = lasting.id .. " ban active: put back for the rest of its time: memory lacked 1 of 1"
    eventually(function() return #gw:error_log(said) == 1 end, 20)
    assert.equal(lasting.expires_s, record_of("192.0.2.3", "active").expires_s)

    -- Neither for longer nor twice.
    eventually(function() return status("192.0.2.4") == 200 end, 40)
    assert.equal("expired", record_of("192.0.2.4", "expired").state)
    assert.is_true(os.time() >= short.expires_s)
    assert.equal(1, #gw:error_log(said))
  end)
end)
