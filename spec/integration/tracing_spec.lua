-- Kong's spans say what the verdict was, in what the opentelemetry plugin really sends.


local gateway = require "spec.support.gateway"
local receivers = require "spec.support.receivers"


-- The embedded gateway has no tracer.
if gateway.kind ~= "kong" then
  return
end


local CONFIG = [[
_format_version: "3.0"
services:
  - name: shop
    url: http://127.0.0.1:${DEMO_PORT}
    routes:
      - { name: shop, paths: ["/products"], strip_path: false }
plugins:
  - name: opentelemetry
    config: { endpoint: "http://127.0.0.1:SINK/v1/traces" }
  - name: threat-agent
    config: { mode: enforce }
]]


describe(gateway.describe_name("tracing:"), function()
  local gw, sink

  setup(function()
    sink = receivers.http()
    gw = gateway.start({
      config = (CONFIG:gsub("SINK", sink.port)),
      plugins = "bundled,threat-agent",
      trusted_ips = "127.0.0.1",
      env = { KONG_TRACING_INSTRUMENTATIONS = "all", KONG_TRACING_SAMPLING_RATE = "1" },
    })
  end)

  teardown(function()
    gw:stop()
    sink:stop()
  end)


  -- Protobuf has texts as they are, each with its length before it: an attribute's key and value, or value
  -- and key.
  local function await_attribute(key, value)
    sink:await(function(one)
      local at = one.body:find("threat_agent." .. key, 1, true)
      return at and one.body:sub(math.max(1, at - #value - 8), at + #key + 20 + #value):find(value, 1, true)
    end, "/v1/traces")
  end


  it("the root span of a clean request says so", function()
    assert.equal(200, gw:http({ path = "/products" }).status)
    await_attribute("verdict", "allow")
  end)


  it("that of a refused one says why", function()
    assert.equal(403, gw:http({ path = "/products?q=1%27+UNION+SELECT+password+FROM+users--" }).status)
    await_attribute("verdict", "block")
    await_attribute("category", "payload_injection")
    await_attribute("mode", "enforce")
    await_attribute("rules", "sqli.union")
  end)


  it("what no route took is judged late, and said, too", function()
    assert.equal(404, gw:http({ path = "/nowhere?q=1%27+UNION+SELECT+password+FROM+users--" }).status)
    sink:await(function(one)
      local at = one.body:find("/nowhere", 1, true)
      return at and one.body:find("threat_agent.rules", 1, true)
    end, "/v1/traces")
    assert.same({}, gw:error_log("span"))
  end)
end)
