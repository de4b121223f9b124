-- Secrets that clients send, and that the configuration holds, come out nowhere: not in the node's files,
-- the store, messages, answers, metrics, or the plugin's part of logs.


local cjson = require "cjson.safe"
local gateway = require "spec.support.gateway"
local receivers = require "spec.support.receivers"


local eventually = gateway.eventually

local IS_KONG = gateway.kind == "kong"
-- Kong's own plugins are not part of the embedded gateway.
local HAS_PLUGINS = gateway.kind ~= "embedded"


local CONFIG = [[
_format_version: "3.0"
services:
  - name: shop
    url: http://127.0.0.1:${DEMO_PORT}
    routes:
      - { name: shop, paths: ["/"], strip_path: false }
      - { name: login, paths: ["/login"], strip_path: false }
      - name: keyed
        paths: ["/keyed"]
        plugins: [ { name: key-auth } ]
consumers:
  - username: "token=tok_9b1deb4d3b7d"
    keyauth_credentials: [ { key: ak_live_9f8e7d6c5b4a } ]
plugins:
  - { name: file-log, config: { path: "LOG", reopen: true } }
  - name: threat-agent
    config:
      mode: enforce
      response: { protected: { cidrs: [] }RESPONSE }
      store: STORE
      notifications:
        min_severity: low
        channels:
          - { type: webhook, url: "http://127.0.0.1:SINK/hook", secret: whsec_5f4dcc3b5aa7 }
          - { type: slack, token: xoxb-27182818284, channel: C1, url: "http://127.0.0.1:SINK/slack" }
]]

-- A header that a transformer adds: a secret within a text, under a harmless name.
local TRANSFORMER = [[
  - { name: request-transformer, config: { add: { headers: ["X-Partner:1", "Authorization:Bearer sk_upstream_1a2b3c4d"] } } }
]]

-- A function's program, and a URL with a password: where an action adds code of its own to the one, and the other
-- is sent nothing.
local FUNCTION = [[
  - name: pre-function
    route: login
    config: { access: ["kong.service.request.set_header('X-Partner', 'pf_program_8c7b6a59')"] }
  - { name: http-log, route: keyed, config: { http_endpoint: "http://ops:hl-pass-77aa@127.0.0.1:1/log" } }
]]

local RESPONSE = [[, policies: [{ id: all, steps: [{ action: ban, ttl_s: 600 },
                  { action: hot_patch, template: refuse_parameter, parameter: debug, ttl_s: 600 }] }] ]]

local CARD = "4111111111111111"
local PASSWORD = "correct-horse-7battery"
local TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJlLW9mLWFsaWNl"

local SECRETS = {
  CARD, "4111 1111", PASSWORD, TOKEN, "c2lnbmF0dXJlLW9mLWFsaWNl", "alice@example", "tok_9b1deb4d3b7d", "ak_live_9f8e7d6c5b4a",
  "sid-0c1d2e3f4a5b", "whsec_5f4dcc3b5aa7", "xoxb-27182818284", "sk_upstream_1a2b3c4d", "redis-pass", "ops-reason-pw",
  "pf_program_8c7b6a59", "hl-pass-77aa",
}


describe(gateway.describe_name("privacy:"), function()
  local gw, sink, redis, log_path

  -- Three attacks, each by a client of its own, so that what ends one leaves the others.
  local function attack()
    local function headers(client)
      return {
        ["x-forwarded-for"] = client, authorization = "Bearer " .. TOKEN, cookie = "sid=sid-0c1d2e3f4a5b",
        ["user-agent"] = "shop/1.0 card " .. CARD, referer = "https://shop.test/?token=" .. TOKEN,
        ["x-api-key"] = "ak_live_9f8e7d6c5b4a",
      }
    end

    for n = 1, 30 do
      gw:http({ path = "/search?q=1%27+UNION+SELECT+" .. CARD .. "--&password=" .. PASSWORD .. "&n=" .. n,
                headers = headers("198.51.100.7") })
      gw:http({ path = "/login", headers = headers("198.51.100.8"),
                json = { username = "alice@example" .. n .. ".com", password = PASSWORD } })
      gw:http({ path = "/no-such-page/" .. CARD .. "/" .. n .. "?access_token=" .. TOKEN, headers = headers("198.51.100.9") })
      gw:http({ path = "/keyed/orders/" .. n .. "?apikey=ak_live_9f8e7d6c5b4a&q=<script>alert(" .. CARD .. ")</script>" })
    end
  end


  -- Places → what stands there.
  local function everything()
    local found = {}
    for path in assert(gateway.run("find " .. gw.prefix .. "/threat-agent -type f")):gmatch("[^\n]+") do
      found[path] = gateway.read_file(path)
    end
    found["error log"] = table.concat(gw:error_log("threat%-agent"), "\n") .. table.concat(gw:error_log("incident "), "\n")
    for _, path in ipairs({ "status", "overview", "incidents", "incidents?format=jsonl", "actions", "bans", "ledger",
                            "notifications", "metrics", "precision" }) do
      found[path] = gw:admin("GET", "/threat-agent/" .. path).body
    end
    for _, incident in ipairs(gw:admin("GET", "/threat-agent/incidents").json.data) do
      found["explain " .. incident.id] = gw:admin("GET", "/threat-agent/explain/" .. incident.id).body
    end
    for _, record in ipairs(gw:admin("GET", "/threat-agent/actions").json.data) do
      found["patch " .. record.id] = gw:admin("GET", "/threat-agent/actions/" .. record.id .. "/patch").body
    end
    for i, got in ipairs(sink:received()) do
      found["message " .. i] = got.body
    end
    for line in gateway.read_file(log_path):gmatch("[^\n]+") do
      local logged = cjson.decode(line)
      found["log"] = (found["log"] or "") .. cjson.encode(logged.threat_agent or {})
    end
    if redis then
      found["redis"] = gateway.run(("redis-cli --no-auth-warning -a redis-pass -p %d --raw XRANGE threat-agent:incident - +; "
        .. "redis-cli --no-auth-warning -a redis-pass -p %d --raw XRANGE threat-agent:ledger - +"):format(redis.port, redis.port))
    end

    return found
  end


  setup(function()
    sink = receivers.http()
    redis = IS_KONG and receivers.redis() or nil
    log_path = os.tmpname()
    os.execute("chmod 666 " .. log_path)
    local values = {
      SINK = sink.port, LOG = log_path,
      STORE = redis and ("{ type: redis, redis: { host: 127.0.0.1, port: %d, password: redis-pass } }"):format(redis.port)
              or "{ type: memory }",
      RESPONSE = HAS_PLUGINS and RESPONSE or "",
    }
    gw = gateway.start({
      config = CONFIG:gsub("%f[%u]%u+%f[%U]", values) .. (HAS_PLUGINS and TRANSFORMER .. FUNCTION or ""),
      plugins = "bundled,threat-agent", trusted_ips = "127.0.0.1",
    })
    attack()
    gw:admin("POST", "/threat-agent/bans", { client = "192.0.2.9", reason = "password=ops-reason-pw" })
    gw:admin("POST", "/threat-agent/bans", { client = "token=tok_9b1deb4d3b7d", reason = "drill" })
    local categories = {}
    eventually(function()
      for _, incident in ipairs(gw:admin("GET", "/threat-agent/incidents").json.data) do
        categories[incident.category] = incident
      end
      return categories.payload_injection and categories.credential_stuffing and categories.abuse
    end, 30)
    gw:admin("POST", "/threat-agent/incidents/" .. categories.abuse.id .. "/feedback",
             { verdict = "attack", note = "card " .. CARD .. ", Bearer " .. TOKEN })
    -- A change, so that the configuration is written down, and told.
    if gateway.kind == "kong-postgres" then
      assert.equal(200, gw:admin("PATCH", "/routes/keyed", { paths = { "/keyed/orders" } }).status)
    else
      local document = gw:admin("GET", "/config").json.config
      assert.equal(201, gw:admin("POST", "/config", { config = (document:gsub("/keyed", "/keyed/orders")) }).status)
    end
    eventually(function()
      return gateway.read_file(gw.prefix .. "/threat-agent/feedback.json") ~= ""
             and gateway.read_file(gw.prefix .. "/threat-agent/learned.json") ~= ""
             and gateway.read_file(gw.prefix .. "/threat-agent/configuration.json") ~= ""
             and #sink:received("/hook") >= 2 and #sink:received("/slack") >= 2
    end, 40)
  end)

  teardown(function()
    gw:stop()
    sink:stop()
    if redis then
      redis:stop()
    end
    os.remove(log_path)
  end)


  it("what is searched holds what it should", function()
    local found = everything()
    assert.is_truthy(found["incidents"]:find("credential_stuffing", 1, true))
    assert.is_truthy(found["ledger"]:find('"ban"', 1, true))
    if HAS_PLUGINS then
      assert.is_truthy(found["actions"]:find('"op":"insert"', 1, true))
      assert.is_truthy(found[gw.prefix .. "/threat-agent/configuration.json"]:find("http-log", 1, true))
    end
    assert.is_truthy(found["log"]:find("sqli.union", 1, true))
    assert.is_truthy(found[gw.prefix .. "/threat-agent/feedback.json"]:find("[redacted]", 1, true))
    assert.is_truthy(found[gw.prefix .. "/threat-agent/configuration.json"]:find("file-log", 1, true))
    if IS_KONG then
      assert.is_truthy(found["redis"]:find("credential_stuffing", 1, true))
      assert.is_truthy(found[gw.prefix .. "/threat-agent/configuration.json"]:find("request-transformer", 1, true))
    end
  end)


  for _, secret in ipairs(SECRETS) do
    it("does not hold " .. secret:sub(1, 6) .. "…", function()
      for place, text in pairs(everything()) do
        local at = text:find(secret, 1, true)
        assert(not at, at and place .. ": " .. text:sub(math.max(1, at - 80), at + 60))
      end
    end)
  end
end)
