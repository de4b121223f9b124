-- A failing upstream is left alone, and asked again with single requests.


local gateway = require "spec.support.gateway"


local eventually = gateway.eventually


local UPSTREAM_PORT = gateway.free_port()

local CONFIG = [[
_format_version: "3.0"
services:
  - { name: flaky, url: "http://127.0.0.1:]] .. UPSTREAM_PORT .. [[", routes: [{ name: flaky, paths: [/flaky] }] }
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
            steps: [{ action: circuit_breaker, ttl_s: 600 }]
]]


describe(gateway.describe_name("a circuit breaker"), function()
  local gw, upstream, seen

  setup(function()
    gw = gateway.start({ config = CONFIG, trusted_ips = "127.0.0.1" })
    seen = gw.prefix .. "/upstream.jsonl"
    upstream = gateway.run(("python3 spec/support/sink.py %d %s > /dev/null 2>&1 & echo $!")
                           :format(UPSTREAM_PORT, seen))
    eventually(function() return gw:http({ method = "POST", path = "/flaky/x", body = "" }).status == 200 end)
  end)

  teardown(function()
    gateway.run("kill " .. upstream)
    gw:stop()
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


  it("opens, survives its workers, lets probes pass, and closes", function()
    for _ = 1, 60 do
      assert.equal(200, ask().status)
    end
    gateway.write_file(seen .. ".fail", "")
    eventually(function()
      ask()
      local found = record()
      return found and found.state == "active"
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
