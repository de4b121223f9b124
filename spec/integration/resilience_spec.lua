-- Workers count as one; reloads, changes of configuration and killed workers lose nothing.


local gateway = require "spec.support.gateway"


local eventually = gateway.eventually


local LIMIT = 100

-- On the allowlist: its load is neither counted nor refused.
local LISTED = "198.51.100.1"

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
      mode: enforce
      allowlist: { cidrs: ["198.51.100.0/24"] }
      rules:
        - { id: tool, action: block, ban_s: 600, user_agents: [masscan] }
      limits:
        - { id: hourly, by: client_ip, window: 1h, limit: 100 }
]]


describe(gateway.describe_name("resilience"), function()
  local gw

  before_each(function()
    gw = gateway.start({ config = CONFIG, workers = 4, trusted_ips = "127.0.0.1" })
  end)

  after_each(function()
    gw:stop()
  end)


  local function get(path, client, headers)
    headers = headers or {}
    headers["x-forwarded-for"] = client
    return gw:http({ path = path, headers = headers, timeout_s = 5 })
  end


  local function ban(client)
    assert.equal(403, get("/products", client, { ["user-agent"] = "masscan" }).status)
    assert.equal(403, get("/products", client).status)
  end


  -- Runs wrk in the background as a client; gives a function that waits for its end and returns
  -- what it counted.
  local function load(client, seconds, connections)
    local command = "wrk -t1 -c%d -d%ds --timeout 5s -H 'X-Forwarded-For: %s' http://127.0.0.1:%d/products/1 2>&1"
    local pipe = io.popen(command:format(connections, seconds, client, gw.proxy_port))
    return function()
      local output = pipe:read("*a")
      pipe:close()
      return {
        output = output,
        requests = tonumber(output:match("(%d+) requests in")),
        refused = tonumber(output:match("Non%-2xx or 3xx responses: (%d+)") or 0),
        timeouts = tonumber(output:match("timeout (%d+)") or 0),
      }
    end
  end


  -- The client has used up its limit. When a new bucket of the hour begins during a spec, what came
  -- before counts a little less: one request more may pass.
  local function assert_at_limit(client)
    local status = get("/products", client).status
    if status == 200 then
      status = get("/products", client).status
    end
    assert.equal(429, status)
  end


  it("four workers enforce one limit as one", function()
    local result = load("192.0.2.1", 2, 32)()
    assert.is_true(result.requests > 2 * LIMIT, result.output)
    local admitted = result.requests - result.refused
    -- Within one window the count is exact; requests that wrk cut off at its end may be among them.
    assert.is_true(admitted <= LIMIT and admitted >= LIMIT - 32, admitted .. " of " .. LIMIT .. " admitted")
    assert_at_limit("192.0.2.1")
    assert.equal(200, get("/products", "192.0.2.2").status)
  end)


  it("kill -9 of workers in a flood loses no ban and hangs nothing", function()
    ban("192.0.2.1")
    local finished = load(LISTED, 4, 16)
    for _ = 1, 4 do
      local pid = gw:worker_pids()[1]
      gateway.run("kill -9 " .. pid)
      eventually(function()
        local pids = gw:worker_pids()
        return #pids == 4 and pids[1] ~= pid and pids[2] ~= pid and pids[3] ~= pid and pids[4] ~= pid
      end)
      assert.equal(403, get("/products", "192.0.2.1").status)
      assert.equal(200, get("/products", "192.0.2.2").status)
    end
    local result = finished()
    assert.equal(0, result.timeouts, result.output)
    assert.equal(0, result.refused, result.output)
    assert.equal(4, gw:admin("GET", "/threat-agent/status").json.node.workers)
  end)


  it("a reload under load refuses no legitimate request and forgets no ban", function()
    ban("192.0.2.1")
    for _ = 1, 40 do
      assert.equal(200, get("/products", "192.0.2.3").status)
    end

    local finished = load(LISTED, 4, 8)
    for _ = 1, 2 do
      local before = gw:worker_pids()[1]
      gw:reload()
      eventually(function()
        assert.equal(200, get("/products", LISTED).status)
        assert.equal(403, get("/products", "192.0.2.1").status)
        for _, pid in ipairs(gw:worker_pids()) do
          if pid == before then
            return false
          end
        end
        return #gw:worker_pids() == 4
      end, 20)
    end
    local result = finished()
    assert.equal(0, result.refused, result.output)
    assert.equal(0, result.timeouts, result.output)
    assert.equal(403, get("/products", "192.0.2.1").status)

    for _ = 41, LIMIT do
      assert.equal(200, get("/products", "192.0.2.3").status)
    end
    assert_at_limit("192.0.2.3")
  end)


  it("a changed config reaches all workers within 5 s and loses no count", function()
    for _ = 1, 30 do
      assert.equal(200, get("/products", "192.0.2.4").status)
    end

    local finished = load(LISTED, 4, 8)
    local response = gw:patch_plugin("threat-agent", {
      limits = { { id = "hourly", by = "client_ip", window = "1h", limit = 31 } },
    })
    assert.is_true(response.status < 300, response.body)
    -- A client of its own, so that waiting counts for nothing: one that is over the new limit only.
    for _ = 1, 31 do
      get("/products", "192.0.2.5")
    end
    eventually(function()
      for _ = 1, 24 do
        if get("/products", "192.0.2.5").status ~= 429 then
          return false
        end
      end
      return true
    end, 5)

    assert.equal(200, get("/products", "192.0.2.4").status)
    assert_at_limit("192.0.2.4")
    assert.equal(0, finished().refused)
  end)
end)
