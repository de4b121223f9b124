-- An Admin API that asks for a client's certificate.


local gateway = require "spec.support.gateway"


local eventually = gateway.eventually

-- The embedded gateway's HTTP client knows no TLS.
if gateway.kind == "embedded" then
  return
end


local PORT = gateway.free_port()


-- A certificate that signs itself, and its key; in a folder, under a name.
local function make_pair(folder, name)
  local path = folder .. "/" .. name
  assert(gateway.run(("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=%s "
                      .. "-keyout %s.key -out %s.crt"):format(name, path, path)))
  return path
end


local CONFIG = [[
_format_version: "3.0"
services:
  - name: shop
    url: http://127.0.0.1:${DEMO_PORT}
    routes:
      - { name: first, paths: [/first] }
      - { name: second, paths: [/second] }
plugins:
  - name: threat-agent
    config:
      mode: enforce
      response:
        admin_api:
          url: https://127.0.0.1:]] .. PORT .. [[

          ssl_verify: false
          client_certificate: "{vault://env/agent-cert}"
          client_key: "{vault://env/agent-%s}"
        blast_radius: { good_ratio: 1 }
        policies:
          - id: all
            min_confidence: 0.3
            min_severity: low
            steps: [{ action: restrict_route, methods: [GET, POST], ttl_s: 600, verify_after_s: 600 }]
]]


describe(gateway.describe_name("an Admin API behind mutual TLS"), function()
  local gw, folder, proxy

  setup(function()
    folder = assert(gateway.run("mktemp -d")):gsub("%s+$", "")
    make_pair(folder, "agent")
    make_pair(folder, "other")
    make_pair(folder, "server")
  end)

  teardown(function()
    gateway.run("rm -r " .. folder)
  end)

  before_each(function()
    proxy = nil
  end)

  after_each(function()
    if proxy then
      gateway.run("kill " .. proxy)
    end
    gw:stop()
  end)


  local function read(name)
    local file = assert(io.open(folder .. "/" .. name, "rb"))
    local text = file:read("*a")
    file:close()
    return text
  end


  -- The agent's action on a route that is attacked. authority: whose certificates come in; key: the agent's.
  local function action(authority, key)
    gw = gateway.start({ config = CONFIG:format(key), trusted_ips = "127.0.0.1", env = {
      AGENT_CERT = read("agent.crt"), AGENT_KEY = read("agent.key"), AGENT_WRONG = "no key",
    } })
    proxy = gateway.run(("python3 spec/support/mtls_proxy.py %d %d %s/server.crt %s/server.key %s/%s.crt > /dev/null 2>&1 & echo $!")
                        :format(PORT, gw.admin_port, folder, folder, folder, authority))
    for n = 1, 14 do
      gw:http({ path = "/first/login", json = { username = "user-" .. n, password = "x" },
                headers = { ["x-forwarded-for"] = "192.0.2.1" } })
    end
    return function()
      return gw:records("first")[1]
    end
  end


  it("takes who shows the certificate", function()
    local record = action("agent", "key")
    eventually(function()
      return record() and record().state == "active"
    end, 30)
    assert.same({ "GET", "POST" }, gw:admin("GET", "/routes/first").json.methods)
  end)


  it("takes nobody else, and is asked again", function()
    action("other", "key")
    eventually(function()
      return gw:error_log("not planned: could not reach the Admin API")[1]
    end, 30)
    assert.equal(200, gw:http({ path = "/first/products", client = "192.0.2.2" }).status)
  end)


  it("is not asked with what is no key, and that is told", function()
    action("agent", "wrong")
    eventually(function()
      return gw:error_log("not planned: could not read admin_api's client certificate: client_key")[1]
    end, 30)
  end)
end)
