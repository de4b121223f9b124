-- Where incidents and ledger lines are kept: the region, Redis streams and Kong's own database, each
-- read back as JSON Lines.


local cjson = require "cjson.safe"
local gateway = require "spec.support.gateway"
local plugin = require "spec.support.plugin"
local receivers = require "spec.support.receivers"
local socket = require "socket"


local eventually = gateway.eventually


local CONFIG = [[
_format_version: "3.0"
services:
  - name: shop
    url: http://127.0.0.1:${DEMO_PORT}
    routes:
      - { name: shop, paths: ["/"], strip_path: false }
      - { name: login, paths: ["/login"], strip_path: false }
plugins:
  - name: threat-agent
    config:
      mode: enforce
      response: { protected: { cidrs: [] } }
      store: STORE
]]


local gw


local function start(store)
  gw = gateway.start({ config = (CONFIG:gsub("STORE", store)), trusted_ips = "127.0.0.1" })
end


local function stuff_credentials(client)
  for n = 1, 40 do
    gw:http({ path = "/login", json = { username = "user-" .. n, password = "guess" },
              headers = { ["x-forwarded-for"] = client } })
  end
end


local function scan(client)
  for n = 1, 60 do
    gw:http({ path = "/no-such-page/" .. n, client = client })
  end
end


-- The decoded lines of an export, all its pages.
local function export(path)
  local list, after = {}, nil
  repeat
    local response = gw:admin("GET", path .. "limit=1" .. (after and "&after=" .. after or ""))
    assert.equal(200, response.status)
    assert.equal("application/x-ndjson", response.headers["content-type"])
    for line in response.body:gmatch("[^\n]+") do
      list[#list + 1] = assert(cjson.decode(line))
    end
    after = response.headers["x-threat-agent-next"]
  until not after

  return list
end


local function has(list, category)
  for _, incident in ipairs(list) do
    if incident.category == category then
      return incident
    end
  end
end


local function await_incident(category, timeout_s)
  return eventually(function()
    return has(export("/threat-agent/incidents?format=jsonl&"), category)
  end, timeout_s or 20)
end


local function await_ledger_line()
  return eventually(function()
    return export("/threat-agent/ledger?")[1]
  end, 20)
end


local function check_what_is_kept()
  stuff_credentials("192.0.2.10")
  local incident = await_incident("credential_stuffing")
  assert.equal("login", incident.route_name)
  assert.is_true(#incident.reasons >= 1)

  local line = await_ledger_line()
  assert.equal("ban", line.entry.action.action)
  assert.matches("^%x+$", line.hash)

  -- The lines of a second, too, come as they were written.
  local lines = eventually(function()
    local list = export("/threat-agent/ledger?")
    return #list >= 2 and list
  end, 20)
  for i = 2, #lines do
    assert.equal(lines[i - 1].hash, lines[i].previous)
  end
end


-- What comes out is what was written: the chain holds.
local function check_the_chain()
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  file:write(gw:admin("GET", "/threat-agent/ledger").body)
  file:close()
  local said, holds = plugin.cli("ledger verify " .. path)
  os.remove(path)
  assert.is_true(holds, said)
end


describe(gateway.describe_name("the store in memory:"), function()
  setup(function()
    start("{ type: memory }")
  end)

  teardown(function()
    gw:stop()
  end)

  it("exports the region's incidents and the ledger", check_what_is_kept)

  it("exports a ledger that can be verified", check_the_chain)
end)


if gateway.kind == "kong" then
  describe(gateway.describe_name("the store in Redis:"), function()
    local redis

    setup(function()
      redis = receivers.redis()
      start(("{ type: redis, max_queued: 20, redis: { host: 127.0.0.1, port: %d, password: redis-pass } }"):format(redis.port))
    end)

    teardown(function()
      gw:stop()
      redis:stop()
    end)


    it("keeps incidents and ledger lines in streams", check_what_is_kept)

    it("keeps a ledger that can be verified", check_the_chain)


    it("catches up when Redis returns, and blocks nothing while it is away", function()
      redis:stop()
      scan("192.0.2.20")
      local from = socket.gettime()
      for _ = 1, 20 do
        assert.equal(200, gw:http({ path = "/products" }).status)
      end
      assert.is_true(socket.gettime() - from < 5)
      assert.equal(503, gw:admin("GET", "/threat-agent/incidents?format=jsonl").status)
      eventually(function()
        local store = gw:admin("GET", "/threat-agent/notifications").json.data[1]
        return store.name == "store" and store.waiting > 0
      end, 20)

      redis:start()
      await_incident("abuse", 40)
      assert.same({}, gw:error_log("redis-pass"))
    end)
  end)
end


if gateway.kind == "kong-postgres" then
  describe(gateway.describe_name("the store in Kong's database:"), function()
    setup(function()
      start("{ type: postgres }")
    end)

    teardown(function()
      gw:stop()
    end)

    it("keeps incidents and ledger lines as rows", check_what_is_kept)

    it("keeps one row for an incident, which ends by itself", function()
      local rows = assert(gateway.run(("psql -h 127.0.0.1 -p %d -U kong -d kong -Atc "
        .. "\"SELECT count(*), count(DISTINCT key), min(extract(epoch FROM ttl - now())) > 2500000 "
        .. "FROM threat_agent_records WHERE kind = 'incident'\""):format(gw.postgres_port)))
      local count, keys, lasts = rows:match("^(%d+)|(%d+)|(%a)")
      assert.equal(keys, count)
      assert.equal("t", lasts)
    end)
  end)
end


if gateway.kind == "kong" then
  describe(gateway.describe_name("a store that this node has not:"), function()
    it("is said once, and counted", function()
      start("{ type: postgres }")
      stuff_credentials("192.0.2.10")
      eventually(function()
        return gw:admin("GET", "/threat-agent/notifications").json.data[1].lost >= 1
      end, 20)
      assert.equal(1, #gw:error_log("notifications of channel store are lost: this node has no database"))
      gw:stop()
    end)
  end)
end
