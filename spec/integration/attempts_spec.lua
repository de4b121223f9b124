-- Did it work? What a response tells of an attack in its request, in monitor mode.


local gateway = require "spec.support.gateway"


local CONFIG = [[
_format_version: "3.0"
services:
  - name: shop
    url: http://127.0.0.1:${DEMO_PORT}
    routes:
      - { name: shop, paths: ["/shop"] }
plugins:
  - { name: file-log, config: { path: "${PREFIX}/requests.log" } }
  - { name: threat-agent, config: { mode: monitor } }
]]

local ORDINARY = 300
local UNION = "?q=1%27+UNION+SELECT+username,+password+FROM+users--+-"
local SLEEP = "?q=1%27+AND+SLEEP(1)--+-"


gateway.describe("attempts", { config = CONFIG }, function(gw)
  setup(function()
    local client = gw:client()
    for _ = 1, ORDINARY do
      assert.equal(200, client:request({ path = "/shop/echo?page=1" }).status)
    end
    client:close()
  end)


  local function record_of(path, headers)
    gw:http({ path = path, headers = headers })
    return gw:logged(function(line) return line.request.uri == path end).threat_agent
  end


  it("of a clean request nothing is said", function()
    assert.is_nil(record_of("/shop/echo?clean").outcome)
  end)

  it("an ordinary answer tells of an attempt only", function()
    local record = record_of("/shop/echo" .. UNION)
    assert.equal("block", record.verdict)
    assert.equal("attempted", record.outcome)
    assert.is_nil(record.signs)
  end)

  it("an error of the upstream tells of an attempt that got far", function()
    local record = record_of("/shop/status/500" .. UNION)
    assert.equal("attempted", record.outcome)
    assert.same({ "error" }, record.signs)
  end)

  it("an answer much larger than usual tells of success", function()
    local record = record_of("/shop/echo" .. UNION .. "&large", { ["x-pad"] = ("x"):rep(7000) })
    assert.equal("likely_successful", record.outcome)
    assert.same({ "larger" }, record.signs)
  end)

  it("a delay that was asked for tells of success", function()
    local record = record_of("/shop/delay/1200" .. SLEEP)
    assert.equal("likely_successful", record.outcome)
    assert.same({ "delayed" }, record.signs)
  end)

  it("what attacks are after tells of success, also where two buffers cut it", function()
    for _, pad in ipairs({ "", ("x"):rep(3900), ("x"):rep(7000) }) do
      local record = record_of("/shop/echo" .. UNION .. "&told=" .. #pad, { ["a-pad"] = pad .. " root:x:0:0:root:/root:/bin/sh" })
      assert.equal("likely_successful", record.outcome)
      assert.is_true(table.concat(record.signs, ","):find("disclosed", 1, true) ~= nil)
    end
  end)

  it("an interpreter's complaint tells of an attempt that was read", function()
    local record = record_of("/shop/echo" .. UNION .. "&complained", { ["x-pad"] = "ORA-01756: quoted string not properly terminated" })
    assert.equal("attempted", record.outcome)
    assert.same({ "complained" }, record.signs)
  end)

  it("what a clean request gets is not read", function()
    assert.is_nil(record_of("/shop/echo?clean=2", { ["x-pad"] = "Linux version 6.1.0" }).outcome)
  end)

  it("both are counted", function()
    gateway.eventually(function()
      local metrics = gw:status("/threat-agent/metrics").body
      return metrics:find('threat_agent_attempts_total{outcome="attempted"} 3', 1, true)
             and metrics:find('threat_agent_attempts_total{outcome="likely_successful"} 5', 1, true)
    end)
  end)

  it("the incident says so", function()
    local incident, reasons
    gateway.eventually(function()
      for _, one in ipairs(gw:admin("GET", "/threat-agent/incidents").json.data) do
        incident, reasons = one, table.concat(one.reasons, "\n")
        if reasons:find("likely successful: 5 of about", 1, true) then
          return true
        end
      end
    end, 30)
    assert.equal("payload_injection", incident.category)
    assert.equal("critical", incident.severity)
    assert.matches("it probably worked$", incident.title)
    assert.matches("1 with the delay that was asked for", reasons, 1, true)
    assert.matches(" answered with up to", reasons, 1, true)
  end)
end)
