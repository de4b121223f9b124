-- What is counted beside verdicts: findings, what monitor mode would refuse, times, channels, reasons.


local gateway = require "spec.support.gateway"
local receivers = require "spec.support.receivers"


local eventually = gateway.eventually


local CONFIG = [[
_format_version: "3.0"
services:
  - name: shop
    url: http://127.0.0.1:${DEMO_PORT}
    routes:
      - { name: shop, paths: ["/"], strip_path: false }
plugins:
  - name: threat-agent
    config:
      mode: monitor
      payload: { max_body_bytes: 64 }
      rules: [ { id: tool, action: block, category: abuse, user_agents: [masscan] } ]
      notifications:
        min_severity: low
        channels: [ { type: webhook, url: "http://127.0.0.1:SINK/hook" } ]
]]


describe(gateway.describe_name("metrics:"), function()
  local gw, sink

  local function metrics()
    return gw:admin("GET", "/threat-agent/metrics").body
  end


  -- Waits for a line, with a value if one is given: each worker hands its counts in once a second.
  local function await(line, wanted)
    return eventually(function()
      local value = tonumber(metrics():match("\nthreat_agent_" .. line:gsub("[%-%.]", "%%%0") .. " ([%d%.e%-]+)\n"))
      return (wanted == nil or value == wanted) and value
    end, 15)
  end


  setup(function()
    sink = receivers.http()
    gw = gateway.start({ config = (CONFIG:gsub("SINK", sink.port)), trusted_ips = "127.0.0.1" })
    for n = 1, 64 do
      gw:http({ path = "/products", client = "192.0.2." .. n })
    end
    for _ = 1, 5 do
      gw:http({ path = "/products?q=1%27+UNION+SELECT+password+FROM+users--", client = "198.51.100.7" })
      gw:http({ path = "/no-such-page", headers = { ["user-agent"] = "masscan", ["x-forwarded-for"] = "198.51.100.8" } })
    end
    gw:http({ path = "/products", method = "POST", body = ("x"):rep(200), client = "192.0.2.1" })
  end)

  teardown(function()
    gw:stop()
    sink:stop()
  end)


  it("findings by category and verdict", function()
    assert.equal(5, await('findings_total{category="payload_injection",verdict="block"}', 5))
    assert.equal(5, await('findings_total{category="abuse",verdict="block"}', 5))
  end)


  it("what monitor mode would refuse, and how it ended", function()
    assert.equal(5, await('would_refuse_total{category="payload_injection",ended="well"}', 5))
    assert.equal(5, await('would_refuse_total{category="abuse",ended="otherwise"}', 5))
    local found = gw:admin("GET", "/threat-agent/overview").json.dry_run
    assert.equal(10, found.refused)
    assert.equal(5, found.went_well)
    local by_rule = {}
    for _, one in ipairs(found.rules) do
      by_rule[one.name] = one
    end
    assert.equal(5, by_rule.tool.refused)
    assert.equal(0, by_rule.tool.went_well)
  end)


  it("scores and times as histograms", function()
    for _, name in ipairs({ "score", "inspection_seconds" }) do
      local count = await(name .. "_count")
      assert.is_true(count >= 2, name .. " " .. count)
      local last = 0
      for bucket in metrics():gmatch("threat_agent_" .. name .. "_bucket{le=\"[^\"]+\"} (%d+)") do
        assert.is_true(tonumber(bucket) >= last)
        last = tonumber(bucket)
      end
      assert.equal(count, last)
      assert.is_true(await(name .. "_sum") > 0)
    end
    assert.is_true(await("inspection_seconds_sum") < 1)
  end)


  it("why something was not inspected", function()
    assert.equal(1, await('uninspected_reasons_total{reason="body_too_large"}', 1))
  end)


  it("what became of actions and messages", function()
    for n = 1, 40 do
      gw:http({ path = "/login", json = { username = "user-" .. n, password = "guess" },
                headers = { ["x-forwarded-for"] = "203.0.113.16" } })
    end
    assert.is_true(await('actions_total{action="ban",state="dry_run"}') >= 1)
    assert.is_true(await('notifications_total{channel="webhook",result="sent"}') >= 1)
    assert.equal(0, await('notifications_waiting{channel="webhook"}', 0))
    assert.equal(0, await('feedback{category="abuse",verdict="attack"}', 0))
  end)


  it("are as many series as words, whatever clients send", function()
    local function series()
      return select(2, metrics():gsub("\nthreat_agent", ""))
    end
    local before = series()
    for n = 1, 50 do
      gw:http({ path = "/x" .. n .. "?q=1%27+UNION+SELECT+" .. n, headers = { ["user-agent"] = "agent-" .. n } })
    end
    assert.is_true(series() - before < 20)
  end)


  it("the busiest routes stand beside what is usual there", function()
    eventually(function()
      gw:http({ path = "/products", client = "192.0.2.1" })
      local route = gw:admin("GET", "/threat-agent/overview").json.routes[1]
      return route and route.usual and route.usual.learned_s > 0 and route.usual.is_mature == false
    end, 40)
  end)
end)
