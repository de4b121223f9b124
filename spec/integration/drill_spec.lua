-- `threat-agent drill` against a running gateway: what it reports is what the gateway did.


local cjson = require "cjson.safe"
local gateway = require "spec.support.gateway"
local plugin = require "spec.support.plugin"


local CONFIG = [[
_format_version: "3.0"
services:
  - { name: shop, url: 'http://127.0.0.1:${DEMO_PORT}', routes: [{ name: shop, paths: [/] }] }
plugins:
  - name: threat-agent
    config: { mode: %s, behaviour: { enabled: %s }, payload: { enabled: %s } }
]]


describe(gateway.describe_name("drill:"), function()
  local gw

  local function start(mode, inspects)
    gw = gateway.start({ config = CONFIG:format(mode, inspects, inspects), trusted_ips = "127.0.0.1" })
  end

  local function drill(arguments)
    local output, ended_well = plugin.cli(("drill --json --proxy http://127.0.0.1:%d --admin http://127.0.0.1:%d %s")
                                          :format(gw.proxy_port, gw.admin_port, arguments or ""))
    return cjson.decode(output) or output, ended_well
  end

  after_each(function()
    gw:stop()
  end)


  it("an attack is refused, becomes an incident, a ban, and all is as before", function()
    start("enforce", true)
    local report, ended_well = drill("--client 198.51.100.77")
    assert.is_true(ended_well, cjson.encode(report))
    assert.is_true(report.enforcing)
    assert.equal(12, report.sent)
    assert.equal(12, report.refused)
    assert.same({ "ban", "active" }, { report.action, report.action_state })
    assert.same({ 200, 403, 200 }, { report.status_before, report.status_during, report.status_after })
    assert.is_true(report.reverted)
    assert.is_true(report.incident_s < 5)
  end)


  it("an address of this machine is protected", function()
    start("enforce", true)
    local report, ended_well = drill()
    assert.is_true(ended_well)
    assert.same({ "refused", "a client is protected" }, { report.action_state, report.why })
    assert.equal(200, report.status_during)
  end)


  it("an instance that monitors lets it pass and says what it would have done", function()
    start("monitor", true)
    local report, ended_well = drill("--client 198.51.100.77")
    assert.is_true(ended_well)
    assert.equal(0, report.refused)
    assert.same({ "ban", "dry_run" }, { report.action, report.action_state })
    assert.equal(200, report.status_during)
  end)


  it("fails when nobody notices", function()
    start("enforce", false)
    local said, ended_well = drill("--timeout-s 3")
    assert.is_false(ended_well)
    assert.matches("no incident told of the attack", said, 1, true)
  end)
end)
