-- Kong's own log plugins and worker events get incidents, which are born where log plugins never
-- run. On a real Kong only: the embedded gateway has file-log alone (notifications_spec).


local gateway = require "spec.support.gateway"
local receivers = require "spec.support.receivers"


if gateway.kind == "embedded" then
  return
end


local CONFIG = [[
_format_version: "3.0"
services:
  - name: shop
    url: http://127.0.0.1:${DEMO_PORT}
    routes:
      - { name: login, paths: ["/login"], strip_path: false }
routes:
  - name: audit
    paths: ["/internal/audit"]
    plugins:
      - { name: http-log, config: { http_endpoint: "http://127.0.0.1:HTTP/log" } }
      - { name: loggly, config: { host: 127.0.0.1, port: UDP, key: loggly-key } }
      - { name: tcp-log, config: { host: 127.0.0.1, port: LINES } }
      - { name: datadog, config: { host: 127.0.0.1, port: STATSD } }
plugins:
  - { name: probe }
  - name: threat-agent
    config:
      mode: enforce
      response: { protected: { cidrs: [] } }
      notifications:
        channels:
          - { type: gateway, url: "http://127.0.0.1:PROXY/internal/audit", secret: audit-secret }
]]


describe(gateway.describe_name("log plugins:"), function()
  local gw, http, udp, lines, statsd

  setup(function()
    http, udp, lines = receivers.http(), receivers.syslog(), receivers.syslog({ transport = "lines" })
    statsd = receivers.syslog()
    local ports = { HTTP = http.port, UDP = udp.port, LINES = lines.port, STATSD = statsd.port, PROXY = "${PROXY_PORT}" }
    gw = gateway.start({
      config = (CONFIG:gsub("%u+", ports)),
      plugins = "bundled,threat-agent,probe",
      trusted_ips = "127.0.0.1",
      env = { EXTRA_LUA_DIR = "spec/support/probe", KONG_NGINX_HTTP_LUA_SHARED_DICT = "probe 1m" },
    })

    for n = 1, 40 do
      gw:http({ path = "/login", json = { username = "user-" .. n, password = "guess" },
                headers = { ["x-forwarded-for"] = "192.0.2.10" } })
    end
  end)

  teardown(function()
    gw:stop()
    for _, receiver in ipairs({ http, udp, lines, statsd }) do
      receiver:stop()
    end
  end)


  it("http-log posts the incident and the ledger's lines", function()
    local got = http:await(function(one)
      return one.json.threat_agent_event and one.json.threat_agent_event.incident
    end, "/log")
    local event = got.json.threat_agent_event
    assert.equal("credential_stuffing", event.incident.category)
    assert.equal("login", event.incident.route_name)
    assert.equal("audit", got.json.route.name)

    http:await(function(one)
      local ledger = one.json.threat_agent_event.ledger
      return ledger and ledger.entry.action.action == "ban" and ledger.entry.event == "active"
    end, "/log")
  end)


  it("loggly and tcp-log get them, too", function()
    udp:await(function(one) return one.message:find('"threat_agent_event":{', 1, true) end)
    lines:await(function(one) return one.message:find('"threat_agent_event":{', 1, true) end)
  end)


  -- Before Kong 3.6 it wants a service.
  if not gateway.is_before(3006000) then
    it("datadog counts them, which has metrics and no texts", function()
      statsd:await(function(one) return one.message:find("kong.request.count:1|c|#name:,status:204", 1, true) end)
    end)
  end


  it("other plugins hear of the incident by a worker event", function()
    gateway.eventually(function()
      local response = gw:http({ path = "/login", headers = { ["x-probe"] = "incident" } })
      return response.status == 200 and response.body:find("credential_stuffing", 1, true)
    end)
  end)
end)
