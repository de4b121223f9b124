-- People are told of incidents: each kind of channel against a receiver on this machine.


local cjson = require "cjson.safe"
local gateway = require "spec.support.gateway"
local plugin = require "spec.support.plugin"
local receivers = require "spec.support.receivers"


local eventually = gateway.eventually


local CONFIG = [[
_format_version: "3.0"
services:
  - name: shop
    url: http://127.0.0.1:${DEMO_PORT}
    routes:
      - { name: shop, paths: ["/"], strip_path: false }
      - { name: login, paths: ["/login"], strip_path: false }
      - { name: audit, paths: ["/internal/audit"] }
plugins:
  - name: file-log
    config: { path: "${PREFIX}/requests.log", reopen: true }
  - name: threat-agent
    config:
      mode: enforce
      response:
        protected: { cidrs: [] }
      notifications:
        dashboard_url: https://gateway.test/threat-agent
        min_severity: low
        max_retry_s: 30
        channels:
          - { type: webhook, url: "http://127.0.0.1:HTTP/hook", secret: hook-secret }
          - { type: webhook, name: discreet, url: "http://127.0.0.1:HTTP/discreet", omit: [clients, reasons] }
          - { type: webhook, name: terse, url: "http://127.0.0.1:HTTP/terse", only: [route_name, score] }
          - { type: webhook, name: own-words, url: "http://127.0.0.1:HTTP/words",
              template: "{incident.severity}: {incident.category} at {incident.route_name} {incident.nothing}" }
          - { type: webhook, name: grave-only, url: "http://127.0.0.1:HTTP/grave", min_severity: critical }
          - { type: slack, url: "http://127.0.0.1:HTTP/services/T0/B0/secret-path" }
          - { type: slack, name: slack-bot, url: "http://127.0.0.1:HTTP/slack", token: xoxb-bot-token, channel: C1 }
          - { type: pagerduty, url: "http://127.0.0.1:HTTP/v2/enqueue", routing_key: pd-routing-key }
          - type: email
            host: 127.0.0.1
            port: MAIL
            ssl_verify: false
            username: agent
            password: mail-pass
            from: agent@gateway.test
            to: [ops@gateway.test, security@gateway.test]
          - { type: email, name: mail-login, host: 127.0.0.1, port: PLAINER, tls: tls, ssl_verify: false,
              username: agent, password: mail-pass, from: agent@gateway.test, to: [ops@gateway.test] }
          - { type: email, name: mail-verified, host: 127.0.0.1, port: MAIL, username: agent, password: mail-pass,
              from: agent@gateway.test, to: [ops@gateway.test] }
          - { type: syslog, host: 127.0.0.1, port: UDP }
          - { type: syslog, name: syslog-tcp, transport: tcp, host: 127.0.0.1, port: TCP }
          - { type: gateway, url: "http://127.0.0.1:PROXY/internal/audit", secret: audit-secret }
]]


describe(gateway.describe_name("notifications:"), function()
  local gw, http, mail, mail_login, udp, tcp

  setup(function()
    http, udp, tcp = receivers.http(), receivers.syslog(), receivers.syslog({ transport = "tcp" })
    mail = receivers.mail({ methods = "PLAIN" })
    mail_login = receivers.mail({ methods = "LOGIN", tls = "tls" })
    local ports = { HTTP = http.port, MAIL = mail.port, PLAINER = mail_login.port, UDP = udp.port, TCP = tcp.port,
                    PROXY = "${PROXY_PORT}" }
    gw = gateway.start({ config = (CONFIG:gsub("%u+", ports)), trusted_ips = "127.0.0.1" })
  end)

  teardown(function()
    gw:stop()
    for _, receiver in ipairs({ http, mail, mail_login, udp, tcp }) do
      receiver:stop()
    end
  end)


  local function stuff_credentials(client)
    for n = 1, 40 do
      gw:http({ path = "/login", json = { username = "user-" .. n, password = "guess" },
                headers = { ["x-forwarded-for"] = client } })
    end
  end


  local function hook(kind)
    return http:await(function(got) return got.json.event == kind end, "/hook", 15)
  end


  it("a test reaches every channel", function()
    local response = eventually(function()
      local answer = gw:admin("POST", "/threat-agent/notifications/test")
      return answer.status == 202 and answer
    end)
    assert.equal(14, #response.json.channels)
    for _, path in ipairs({ "/hook", "/discreet", "/services/T0/B0/secret-path", "/slack", "/v2/enqueue" }) do
      http:await(function(got) return got.body:find("This is a test", 1, true) end, path)
    end
    mail:await(function() return true end)
    mail_login:await(function() return true end)
    udp:await(function(got) return got.message:find("This is a test", 1, true) end)
    tcp:await(function(got) return got.message:find("This is a test", 1, true) end)
  end)


  it("an incident opens once, with scope, evidence and what was done", function()
    stuff_credentials("192.0.2.10")
    local event = hook("opened").json
    assert.equal(1, event.schema_version)
    assert.equal("enforce", event.mode)
    assert.equal("open", event.status)
    assert.equal("login", event.incident.route_name)
    assert.equal("shop", event.incident.service_name)
    assert.equal("192.0.2.10", event.incident.top_clients[1].client)
    assert.is_true(#event.incident.reasons >= 1)
    assert.equal("https://gateway.test/threat-agent#incident/" .. event.incident.id, event.links.incident)

    local told = hook("opened")
    if #event.actions == 0 then
      told = hook("action")
    end
    assert.equal("ban", told.json.actions[1].action)
    assert.equal("active", told.json.actions[1].state)
    assert.is_truthy(told.json.links.undo)
    assert.equal(1, #http:received("/hook") - (told.json.event == "action" and 1 or 0) - 1)
  end)


  it("the webhook is signed and has a key", function()
    local got = hook("opened")
    assert.equal(got.json.id, got.headers["idempotency-key"])
    assert.equal("opened", got.headers["x-threat-agent-event"])
    local at, digest = got.headers["x-threat-agent-signature"]:match("^t=(%d+),v1=(%x+)$")
    local file = os.tmpname()
    local out = assert(io.open(file, "w"))
    out:write(at .. "." .. got.body)
    out:close()
    local expected = assert(gateway.run("openssl dgst -sha256 -hmac hook-secret -r " .. file)):match("^%x+")
    os.remove(file)
    assert.equal(expected, digest)
  end)


  it("a channel gets no part that it is to go without, and nothing below its severity", function()
    local got = http:await(function(one) return one.json.event == "opened" end, "/discreet")
    assert.is_nil(got.json.incident.top_clients)
    assert.is_nil(got.json.incident.reasons)
    assert.is_number(got.json.incident.clients)
    assert.is_nil(got.body:find("192.0.2.10", 1, true))
    assert.equal(1, #http:received("/grave"))
  end)


  it("a channel gets the fields that it lists, and nobody's address", function()
    local got = http:await(function(one) return one.json.event == "opened" end, "/terse")
    assert.equal("login", got.json.incident.route_name)
    assert.equal("credential_stuffing", got.json.incident.category)
    assert.is_nil(got.json.incident.reasons)
    assert.is_nil(got.json.incident.top_clients)
    assert.is_nil(got.body:find("192.0.2.10", 1, true))
  end)


  it("a channel can have words of its own", function()
    local got = http:await(function(one) return one.json.event == "opened" end, "/words")
    assert.equal("medium: credential_stuffing at login ", got.json.summary)
  end)


  it("Slack gets blocks; the bot's messages on one incident are one thread", function()
    local message = http:await(function(got) return got.body:find("Credential stuffing", 1, true) end,
                               "/services/T0/B0/secret-path").json
    assert.is_string(message.text)
    assert.equal("header", message.blocks[1].type)
    assert.equal("plain_text", message.blocks[1].text.type)
    assert.is_true(#message.blocks[1].text.text <= 150)
    assert.equal("section", message.blocks[2].type)
    assert.is_true(#message.blocks[2].fields <= 10)
    assert.equal("context", message.blocks[#message.blocks].type)

    local first = http:await(function(got) return got.body:find("Credential stuffing", 1, true) end, "/slack")
    assert.equal("Bearer xoxb-bot-token", first.headers.authorization)
    assert.equal("C1", first.json.channel)
    assert.is_nil(first.json.thread_ts)

    local action = gw:admin("GET", "/threat-agent/actions").json.data[1]
    assert.equal(202, gw:admin("POST", "/threat-agent/actions/" .. action.id .. "/revert").status)
    local update = http:await(function(got) return got.json.thread_ts ~= nil end, "/slack")
    assert.matches("ban: reverted", update.body, 1, true)

    local changed = hook("action").json
    assert.equal("reverted", changed.actions[1].state)
    assert.matches("-1.reverted", changed.id, 1, true)
  end)


  it("PagerDuty gets a trigger with the incident as its key", function()
    local alert = http:await(function(got) return got.body:find("Credential stuffing", 1, true) end, "/v2/enqueue").json
    assert.equal("pd-routing-key", alert.routing_key)
    assert.equal("trigger", alert.event_action)
    assert.equal(hook("opened").json.incident.id, alert.dedup_key)
    for _, name in ipairs({ "summary", "source", "severity" }) do
      assert.is_string(alert.payload[name])
    end
    assert.is_truthy(("critical error warning info"):find(alert.payload.severity, 1, true))
    assert.is_truthy(alert.payload.timestamp:match("^%d+%-%d%d%-%d%dT%d%d:%d%d:%d%dZ$"))
    assert.is_string(alert.links[1].href)
  end)


  it("mail is authenticated, by PLAIN after STARTTLS and by LOGIN over TLS", function()
    local function opened(got)
      local _, body = got.content:match("^(.-)\r\n\r\n(.*)$")
      local mime = require "mime"
      got.text = mime.unb64((body:gsub("%s", "")))
      return got.text:find("Credential stuffing", 1, true)
    end

    local got = mail:await(opened)
    assert.is_true(got.tls)
    assert.is_true(got.authenticated)
    assert.same({ "ops@gateway.test", "security@gateway.test" }, got.to)
    assert.matches("Auto%-Submitted: auto%-generated", got.content)
    assert.matches("Evidence:", got.text, 1, true)
    assert.matches("Mode: enforce", got.text, 1, true)

    got = mail_login:await(opened)
    assert.is_true(got.tls)
    assert.is_true(got.authenticated)
  end)


  it("mail does not go to a server whose certificate nobody vouches for", function()
    local channel = eventually(function()
      for _, one in ipairs(gw:admin("GET", "/threat-agent/notifications").json.data) do
        if one.name == "mail-verified" and (one.error or one.waiting > 0) then
          return one
        end
      end
    end)
    assert.equal(0, channel.sent)
  end)


  it("syslog speaks RFC 5424, over UDP and TCP", function()
    for _, server in ipairs({ udp, tcp }) do
      local got = server:await(function(one) return one.message:find("Credential stuffing", 1, true) end)
      local priority, json = got.message:match("^<(%d+)>1 %d+%-%d%d%-%d%dT%d%d:%d%d:%d%dZ %S+ threat%-agent %d+ opened %- (.+)$")
      assert.is_true(tonumber(priority) >= 80 and tonumber(priority) < 88)
      assert.is_string(cjson.decode(json).incident.id)
    end
  end)


  it("log plugins write incidents and ledger lines down", function()
    local incident = gw:logged(function(line)
      return line.threat_agent_event and line.threat_agent_event.incident
    end).threat_agent_event
    assert.equal("credential_stuffing", incident.incident.category)
    local ledger = gw:logged(function(line)
      return line.threat_agent_event and line.threat_agent_event.event == "ledger"
    end)
    assert.equal(204, ledger.response.status)
    assert.matches("^%x+$", ledger.threat_agent_event.ledger.hash)
    assert.is_nil(gateway.read_file(gw.prefix .. "/requests.log"):find("audit-secret", 1, true))
  end)


  it("an event that the agent did not sign gets into no log", function()
    local body = '{"event":"forged","incident":{"title":"forged"}}'
    for _, value in ipairs({ "t=1,v1=00", "t=" .. os.time() .. ",v1=" .. ("0"):rep(64), "" }) do
      gw:http({ method = "POST", path = "/internal/audit?forged", body = body,
                headers = { ["x-threat-agent-signature"] = value, ["content-type"] = "application/json" } })
    end
    gw:logged(function(line) return line.request.uri:find("forged", 1, true) end)
    for _, line in ipairs(gw:log_lines()) do
      assert.is_falsy(line.threat_agent_event and line.threat_agent_event.event == "forged")
    end
  end)


  it("the payload has what its JSON Schema requires, of the types it says", function()
    local schema = cjson.decode(plugin.read("deploy/incident.schema.json"))
    local types = { integer = "number", number = "number", string = "string", object = "table", array = "table" }

    local function check(value, definition, path)
      if definition["$ref"] then
        definition = schema["$defs"][definition["$ref"]:match("[^/]+$")]
      end
      if definition.type then
        assert.equal(types[definition.type], type(value), path)
      end
      if definition.enum then
        local found = false
        for _, one in ipairs(definition.enum) do
          found = found or one == value
        end
        assert.is_true(found, path .. ": " .. tostring(value))
      end
      for _, name in ipairs(definition.required or {}) do
        assert.is_not_nil(value[name], path .. "." .. name)
      end
      for name, property in pairs(definition.properties or {}) do
        if value[name] ~= nil and value[name] ~= cjson.null then
          check(value[name], property, path .. "." .. name)
        end
      end
      for i, item in ipairs(definition.items and value or {}) do
        check(item, definition.items, path .. "[" .. i .. "]")
      end
    end

    for _, got in ipairs(http:received("/hook")) do
      check(got.json, schema, got.json.event)
      for name in pairs(got.json) do
        assert.is_not_nil(schema.properties[name], name)
      end
    end
    assert.is_true(#http:received("/hook") >= 2)
  end)


  it("no secret stands in the log or in the answers", function()
    local text = gateway.read_file(gw.prefix .. "/logs/error.log") .. gw:admin("GET", "/threat-agent/notifications").body
                 .. assert(gateway.run("cat " .. gw.prefix .. "/threat-agent/*"))
    for _, secret in ipairs({ "hook-secret", "xoxb-bot-token", "pd-routing-key", "mail-pass", "audit-secret",
                              "secret-path" }) do
      assert.is_nil(text:find(secret, 1, true), secret)
    end
  end)


  it("a new leader does not tell again what has arrived", function()
    local id = hook("opened").json.id
    eventually(function()
      return gateway.read_file(gw.prefix .. "/threat-agent/notified.json"):find(id:sub(1, 10), 1, true)
    end)
    local before = #gw:error_log("leads this node")
    for _, pid in ipairs(gw:worker_pids()) do
      gateway.run("kill -9 " .. pid)
    end
    eventually(function() return #gw:error_log("leads this node") > before end, 15)
    eventually(function() return gw:admin("POST", "/threat-agent/notifications/test").status == 202 end)
    http:await(function(got) return got.json.event == "test" and got.json.at_s >= os.time() - 5 end, "/hook")

    local opened = 0
    for _, got in ipairs(http:received("/hook")) do
      opened = opened + (got.json.id == id and 1 or 0)
    end
    assert.equal(1, opened)
  end)


  it("a receiver that dies and returns gets its message, later", function()
    http:stop()
    stuff_credentials("192.0.2.77")
    for n = 1, 60 do
      gw:http({ path = "/no-such-page/" .. n, client = "192.0.2.78" })
    end
    eventually(function()
      for _, one in ipairs(gw:admin("GET", "/threat-agent/notifications").json.data) do
        if one.name == "webhook" and one.waiting > 0 then
          return true
        end
      end
    end, 30)
    http:start()
    http:await(function(got) return got.json.incident and got.json.incident.category == "abuse" end, "/hook", 40)
  end)
end)


if gateway.kind ~= "embedded" then
  describe(gateway.describe_name("secrets in a vault:"), function()
    it("are looked up where they are", function()
      local http = receivers.http()
      local gw = gateway.start({ config = ([[
_format_version: "3.0"
plugins:
  - name: threat-agent
    config:
      notifications:
        channels: [ { type: slack, url: "{vault://env/spec-slack-url}" } ]
]]), env = { SPEC_SLACK_URL = "http://127.0.0.1:" .. http.port .. "/from-the-vault" }, workers = 1 })
      eventually(function() return gw:admin("POST", "/threat-agent/notifications/test").status == 202 end)
      http:await(function() return true end, "/from-the-vault")
      gw:stop()
      http:stop()
    end)
  end)
end


describe(gateway.describe_name("notifications to a receiver that stays away:"), function()
  it("are bounded, counted, and their loss is said once", function()
    local http = receivers.http()
    local gw = gateway.start({ config = ([[
_format_version: "3.0"
plugins:
  - name: threat-agent
    config:
      notifications:
        max_queued: 3
        max_retry_s: 2
        channels: [ { type: webhook, url: "http://127.0.0.1:HTTP/hook" } ]
]]):gsub("HTTP", http.port), workers = 1 })
    http:fail(true)

    eventually(function() return gw:admin("POST", "/threat-agent/notifications/test").status == 202 end)
    for _ = 1, 9 do
      gw:admin("POST", "/threat-agent/notifications/test")
    end
    local function channel()
      return gw:admin("GET", "/threat-agent/notifications").json.data[1]
    end
    assert.is_true(channel().waiting <= 3)
    eventually(function() return channel().lost == 10 end, 30)
    assert.equal(0, channel().waiting)
    assert.equal(1, #gw:error_log("notifications of channel webhook are lost"))

    http:fail(false)
    gw:admin("POST", "/threat-agent/notifications/test")
    eventually(function() return channel().sent == 1 end)
    assert.equal(1, #gw:error_log("channel webhook takes notifications again"))
    gw:stop()
    http:stop()
  end)
end)


describe(gateway.describe_name("a flood"), function()
  local ROUTES, REQUESTS = 50, 200


  local function config(port)
    local routes = {}
    for n = 1, ROUTES do
      routes[n] = { name = "route-" .. n, paths = { "/route-" .. n .. "/" } }
    end

    return {
      _format_version = "3.0",
      services = { { name = "shop", url = "http://127.0.0.1:${DEMO_PORT}", routes = routes } },
      plugins = { { name = "threat-agent", config = { notifications = {
        min_severity = "low",
        channels = {
          { type = "webhook", url = "http://127.0.0.1:" .. port .. "/hook" },
          { type = "webhook", url = "http://127.0.0.1:" .. port .. "/discreet", omit = { "consumers" } },
        },
      } } } },
    }
  end


  it("of 10,000 attacks on fifty routes sends a handful of messages, one of them a digest", function()
    local http = receivers.http()
    local gw = gateway.start({ config = config(http.port), trusted_ips = "127.0.0.1" })
    local client
    for n = 1, ROUTES * REQUESTS do
      -- Kong 3.4 takes a thousand requests on a connection.
      if n % 1000 == 1 then
        client = gw:client()
      end
      assert(client:request({
        path = "/route-" .. n % ROUTES + 1 .. "/search?q=1%27+UNION+SELECT+password+FROM+users--+" .. n,
        headers = { ["x-forwarded-for"] = "198.51.100." .. n % 200 + 1 },
      }))
      if n % 1000 == 0 then
        client:close()
      end
    end

    local digest = http:await(function(got) return got.json.event == "digest" end, "/hook", 90).json
    local told = {}
    for _, got in ipairs(http:received("/hook")) do
      told[#told + 1] = got.json.event
    end
    assert.is_true(#told <= 12, table.concat(told, " "))
    local _, opened = table.concat(told, " "):gsub("opened", "")
    local known = #gw:admin("GET", "/threat-agent/incidents").json.data
    assert.is_true(known >= 40, known .. " incidents")
    assert.is_true(digest.digest.count + opened >= 40, digest.digest.count .. " in the digest")
    assert.is_true(#digest.digest.incidents <= 20)
    assert.matches("more incidents: ", digest.summary, 1, true)

    -- A title may name somebody.
    local discreet = http:await(function(got) return got.json.event == "digest" end, "/discreet", 90).json
    assert.matches("more incidents$", discreet.summary)
    assert.equal("payload_injection", discreet.digest.incidents[1].title)
    gw:stop()
    http:stop()
  end)
end)
