-- A failing upstream is left alone, and asked again with single requests; one that has too much gets
-- so many requests at once.


local gateway = require "spec.support.gateway"


local eventually = gateway.eventually


local UPSTREAM_PORT = gateway.free_port()

local CONFIG = [[
_format_version: "3.0"
services:
  - { name: flaky, url: "http://127.0.0.1:]] .. UPSTREAM_PORT .. [[", routes: [{ name: flaky, paths: [/flaky] }] }
  - { name: slow, url: "http://127.0.0.1:${DEMO_PORT}", routes: [{ name: slow, paths: [/slow] }] }
  - name: shared
    url: "http://127.0.0.1:${DEMO_PORT}"
    routes: [{ name: part, paths: [/part] }, { name: rest, paths: [/rest] }]
  - { name: healthy, url: "http://127.0.0.1:${DEMO_PORT}", routes: [{ name: healthy, paths: [/healthy] }] }
plugins:
  - name: threat-agent
    config:
      mode: enforce
      response:
        blast_radius: { good_ratio: 0.5 }
        policies:
          - id: flaky
            categories: [mass_error]
            min_confidence: 0.3
            min_severity: low
            routes: [flaky]
            steps: [{ action: circuit_breaker, good_ratio: 0.3, ttl_s: 600 }]
          - id: shared
            categories: [mass_error]
            min_confidence: 0.3
            min_severity: low
            services: [shared]
            steps: [{ action: reroute, url: "http://127.0.0.1:1", ttl_s: 600 }]
          - id: slow
            routes: [slow]
            min_confidence: 0.3
            min_severity: low
            steps: [{ action: concurrency_cap, limit: 4, ttl_s: 600, verify_after_s: 600 }]
]]


gateway.describe("for the upstream's sake:", { config = CONFIG, trusted_ips = "127.0.0.1" }, function(gw)
  local upstream, seen

  setup(function()
    seen = gw.prefix .. "/upstream.jsonl"
    upstream = gateway.run(("python3 spec/support/sink.py %d %s > /dev/null 2>&1 & echo $!")
                           :format(UPSTREAM_PORT, seen))
    eventually(function() return gw:http({ method = "POST", path = "/flaky/x", body = "" }).status == 200 end)
  end)

  teardown(function()
    gateway.run("kill " .. upstream)
  end)


  local turn = 0

  local function ask()
    turn = turn + 1
    return gw:http({ method = "POST", path = "/flaky/x", body = "",
                     headers = { ["x-forwarded-for"] = "198.51.100." .. turn % 200 + 1 } })
  end


  local function record()
    return gw:admin("GET", "/threat-agent/actions").json.data[1]
  end


  local function reached()
    local _, lines = gateway.read_file(seen):gsub("\n", "")
    return lines
  end


  -- Sends requests at once, by a tool that can; returns how many had which status.
  local function at_once(number, path)
    local printed = gateway.run(("seq %d | xargs -P %d -I@ curl -s -o /dev/null -w '%%{http_code}\\n' "
                                 .. "-H 'X-Forwarded-For: 198.18.0.@' http://127.0.0.1:%d%s")
                                :format(number, number, gw.proxy_port, path))
    local statuses = {}
    for status in printed:gmatch("%d+") do
      statuses[status] = (statuses[status] or 0) + 1
    end

    return statuses
  end


  it("a route takes so many requests at once", function()
    for n = 1, 14 do
      gw:http({ path = "/slow/login", json = { username = "user-" .. n, password = "x" },
                headers = { ["x-forwarded-for"] = "192.0.2.1" } })
    end
    local cap = eventually(function()
      local found = record()
      return found and found.state == "active" and found
    end, 30)
    assert.equal("concurrency_cap", cap.action)

    local statuses = at_once(24, "/slow/delay/1500")
    assert.equal(24, statuses["200"] + statuses["503"])
    -- The cap rises while it is felt; more than it may not pass.
    assert.is_true(statuses["200"] >= 4 and statuses["200"] <= 12, statuses["200"] .. " passed")
    -- What has ended is not under way.
    for _ = 1, 10 do
      assert.equal(200, gw:http({ path = "/slow/products" }).status)
    end
    assert.equal(202, gw:admin("POST", "/threat-agent/actions/" .. cap.id .. "/revert").status)
    eventually(function() return (at_once(16, "/slow/delay/500")["200"] or 0) == 16 end)
  end)


  it("a service is not given up for one route of it", function()
    local function status(path)
      turn = turn + 1
      return gw:http({ path = path, client = "198.51.100." .. turn % 200 + 1 }).status
    end
    for _ = 1, 60 do
      assert.equal(200, status("/part/products"))
    end

    local refused = eventually(function()
      for _ = 1, 10 do
        assert.equal(500, status("/part/status/500"))
        for _ = 1, 3 do
          assert.equal(200, status("/rest/products"))
        end
      end
      return gw:records("part")[1]
    end, 60)
    assert.equal("reroute", refused.action)
    assert.equal("refused", refused.state)
    assert.matches("of the requests that go well there", refused.why)
    assert.equal(200, status("/rest/products"))
  end)


  it("a circuit breaker opens, survives its workers, lets probes pass, and closes", function()
    for _ = 1, 60 do
      assert.equal(200, ask().status)
    end
    gateway.write_file(seen .. ".fail", "")
    eventually(function()
      ask()
      local found = record()
      return found and found.action == "circuit_breaker" and found.state == "active"
    end, 60)
    local refused = eventually(function()
      local response = ask()
      return response.headers["x-threat-agent-incident"] and response
    end)
    assert.equal(503, refused.status)
    assert.is_true(tonumber(refused.headers["retry-after"]) >= 1)

    for _, pid in ipairs(gw:worker_pids()) do
      gateway.run("kill -9 " .. pid)
    end
    eventually(function() return ask().headers["x-threat-agent-incident"] ~= nil end)
    local before = reached()
    for _ = 1, 30 do
      assert.equal(503, ask().status)
    end
    assert.equal(before, reached())
    assert.equal(200, gw:http({ path = "/healthy/products" }).status)

    os.remove(seen .. ".fail")
    -- Of many requests a few pass.
    eventually(function() return ask().status == 200 end, 60)
    assert.equal(503, ask().status)
    eventually(function()
      ask()
      return record().state == "reverted"
    end, 60)
    assert.matches("answers again", record().why)
    eventually(function() return ask().status == 200 end)
    for _ = 1, 20 do
      assert.equal(200, ask().status)
    end
  end)
end)
