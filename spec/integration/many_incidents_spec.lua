-- 100,000 incidents in a store, listed in pages: each page comes quickly, all of them do, and none twice.


local cjson = require "cjson.safe"
local gateway = require "spec.support.gateway"
local receivers = require "spec.support.receivers"
local socket = require "socket"


-- What is measured is on a machine that does other things, too.
local MANY = 100000
local PAGE = 1000
local PAGE_S, ALL_S = 1.5, 60


local CONFIG = [[
_format_version: "3.0"
services:
  - name: shop
    url: http://127.0.0.1:${DEMO_PORT}
    routes:
      - { name: shop, paths: ["/"], strip_path: false }
plugins:
  - name: threat-agent
    config: { mode: enforce, store: STORE }
]]

-- An incident as they are: NUMBER is its own, HASH differs in all its digits. (Texts that differ in a few
-- bytes only would be another test: LuaJIT looks at some bytes of a long string to find it again.)
local REFERENCES = ('"HASH",'):rep(8):sub(1, -2)
local INCIDENT = [[{"id":"INUMBER","number":NUMBER,"fingerprint":"w/credential_stuffing/HASH","category":"credential_stuffing",]]
  .. [["status":"resolved","severity":"medium","score":0.9,"confidence":0.9,"opened_s":1700000000,"updated_s":1700000000,]]
  .. [["title":"Credential stuffing on route login: NUMBER clients failed to log in to many accounts","reasons":[]]
  .. [["one client failed to log in to NUMBER accounts within two hours and hardly ever succeeded (line 6)"],]]
  .. [["workspace":"0dfbee9e-ecc6-4b8a-9b2f-6c5f7d1f0a11","route":"4b0a6fd4-2f10-4a2d-9a8e-2d3b9f0f6f42","requests":NUMBER,]]
  .. [["top_clients":[{"client":"2001:db8::HASH","signals":NUMBER,"suspicion":"high"}],"sample_references":[]]
  .. REFERENCES .. [[],"accounts":NUMBER}]]


-- Fetches by curl: the specs' own client would take longer than the gateway. Returns the body, the headers
-- and the seconds it took.
local function fetch(gw, path)
  local file = os.tmpname()
  local told = assert(gateway.run(("curl -sf -D %s.headers -o %s -w '%%{time_total}' 'http://127.0.0.1:%d%s'"):format(
    file, file, gw.admin_port, path)))
  local body, headers = gateway.read_file(file), gateway.read_file(file .. ".headers")
  os.remove(file)
  os.remove(file .. ".headers")
  return body, headers, tonumber(told)
end


local function check(gw)
  local seen, count, slowest, twice, after = {}, 0, 0, nil, nil
  local from = socket.gettime()
  repeat
    local body, headers, seconds = fetch(gw, "/threat-agent/incidents?format=jsonl&limit=" .. PAGE
                                             .. (after and "&after=" .. after or ""))
    slowest = math.max(slowest, seconds)
    for line in body:gmatch("[^\n]+") do
      local id = line:match('"id":"I(%d+)"')
      if id then
        count = count + (seen[id] and 0 or 1)
        twice = seen[id] and id or twice
        seen[id] = true
      end
    end
    after = headers:lower():match("x%-threat%-agent%-next: ([%w%-]+)")
  until not after

  local took = socket.gettime() - from
  print(("%d incidents in pages of %d: %.1f s, the slowest page %.0f ms"):format(count, PAGE, took, slowest * 1000))
  assert.is_nil(twice)
  assert.equal(MANY, count)
  assert.is_true(slowest < PAGE_S, slowest .. " s for a page")
  assert.is_true(took < ALL_S, took .. " s for all")
  assert.is_truthy(cjson.decode(gw:admin("GET", "/threat-agent/incidents?format=jsonl&limit=1").body))
end


-- The ledger's few lines are found at once, behind however many incidents.
local function check_ledger(gw)
  local asked = socket.gettime()
  local response = gw:admin("GET", "/threat-agent/ledger?limit=10")
  assert.equal(200, response.status)
  assert.is_true(socket.gettime() - asked < 0.5)
  assert.matches('"hash":"last"', response.body, 1, true)
end


if gateway.kind == "kong" then
  describe(gateway.describe_name("100,000 incidents in Redis"), function()
    local gw, redis

    setup(function()
      redis = receivers.redis()
      gw = gateway.start({ config = (CONFIG:gsub("STORE",
        ("{ type: redis, max_entries: 200000, redis: { host: 127.0.0.1, port: %d, password: redis-pass } }"):format(redis.port))) })
      local path = os.tmpname()
      local file = assert(io.open(path, "w"))
      file:write("for n = 1, ", MANY, " do redis.call('XADD', 'threat-agent:incident', '*', 'key', 'k' .. n, 'at_s', n, 'text', ",
                 "(string.gsub(string.gsub([=[", INCIDENT, "]=], 'NUMBER', n), 'HASH', redis.sha1hex(n):sub(1, 10)))) end ",
                 "redis.call('XADD', 'threat-agent:ledger', '*', 'key', 'l', 'at_s', 1, 'text', '{\"hash\":\"last\"}')")
      file:close()
      assert(gateway.run(("redis-cli --no-auth-warning -a redis-pass -p %d --eval %s"):format(redis.port, path)))
      os.remove(path)
    end)

    teardown(function()
      gw:stop()
      redis:stop()
    end)

    it("come in pages", function()
      check(gw)
    end)

    it("leave the ledger's lines where they are found at once", function()
      check_ledger(gw)
    end)
  end)
end


if gateway.kind == "kong-postgres" then
  describe(gateway.describe_name("100,000 incidents in Kong's database"), function()
    local gw

    setup(function()
      gw = gateway.start({ config = (CONFIG:gsub("STORE", "{ type: postgres }")) })
      local function psql(sql)
        local path = os.tmpname()
        local file = assert(io.open(path, "w"))
        file:write(sql)
        file:close()
        assert(gateway.run(("psql -q -h 127.0.0.1 -p %d -U kong -d kong -v ON_ERROR_STOP=1 -f %s"):format(gw.postgres_port, path)))
        os.remove(path)
      end
      -- Many of one second: the order within it has to hold, too.
      psql(("INSERT INTO threat_agent_records (id, kind, key, at_s, body, ttl) SELECT gen_random_uuid(), 'incident', 'k' || n, "
            .. "1700000000 + n / 3000, "
            .. "replace(replace('%s', 'NUMBER', n::text), 'HASH', left(md5(n::text), 10)), "
            .. "now() + interval '1 day' FROM generate_series(1, %d) n;")
           :format(INCIDENT, MANY))
      psql("INSERT INTO threat_agent_records (id, kind, key, at_s, body, ttl) VALUES "
           .. "('ffffffff-ffff-4fff-8fff-ffffffffffff', 'ledger', 'l', 1700000000, '{\"hash\":\"last\"}', now() + interval '1 day'), "
           .. "(gen_random_uuid(), 'incident', 'over', 1700000000, '{\"id\":\"I0\"}', now() - interval '1 day');")
    end)

    teardown(function()
      gw:stop()
    end)

    it("come in pages, without those whose time is over", function()
      check(gw)
    end)

    it("leave the ledger's lines where they are found at once", function()
      check_ledger(gw)
    end)
  end)
end
