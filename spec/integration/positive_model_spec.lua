-- The positive model: what a route's parameters look like, learned from its traffic, as evidence.


local cjson = require "cjson.safe"
local gateway = require "spec.support.gateway"
local plugin = require "spec.support.plugin"


local eventually = gateway.eventually


local CONFIG = [[
_format_version: "3.0"
services:
  - name: shop
    url: http://127.0.0.1:${DEMO_PORT}/echo
    routes:
      - { name: orders, paths: ["/orders"] }
      - { name: reports, paths: ["/reports"] }
  - name: described
    url: http://127.0.0.1:${DEMO_PORT}
    routes:
      - name: described
        paths: ["/described"]
        plugins:
          - name: threat-agent
            config:
              mode: enforce
              payload:
                api_spec: |
                  { "openapi": "3.0.3", "paths": {
                      "/described/orders/{id}": { "get": { "parameters": [
                        { "name": "page", "in": "query", "schema": { "type": "integer" } },
                        { "name": "n", "in": "query", "schema": { "type": "integer" } } ] } },
                      "/described/products": { "get": { "deprecated": true } } } }
plugins:
  - { name: file-log, config: { path: "${PREFIX}/requests.log" } }
  - name: threat-agent
    config:
      mode: enforce
      payload: { positive_model: { min_senders: 10, min_minutes: 0 } }
]]

local SENDERS = 40
local SQL = "/reports?where=price+%3E+10+and+name+like+%27shoe%27+or+1%3D1"


describe(gateway.describe_name("the positive model"), function()
  local gw
  local asked = 0

  setup(function()
    gw = gateway.start({ config = CONFIG, trusted_ips = "127.0.0.1" })
  end)

  teardown(function()
    gw:stop()
  end)


  -- Asks under a URI of its own, so that its line in the log is found.
  local function ask(sender, uri)
    asked = asked + 1
    uri = uri .. "&n=" .. asked
    local response = gw:http({ path = uri, client = sender })
    return response, function()
      return gw:logged(function(line) return line.request.uri == uri end).threat_agent
    end
  end


  local function teach(uri)
    for nth = 1, SENDERS do
      ask("198.51.100." .. nth, uri)
    end
  end


  it("tells a value that a parameter never had, and lets it pass", function()
    assert.equal(0, select(2, ask("192.0.2.1", "/orders?id=O%27Brien+(jr)"))().score)
    teach("/orders?id=4711")
    local record = eventually(function()
      local response, record_of = ask("192.0.2.1", "/orders?id=O%27Brien+(jr)")
      assert.equal(200, response.status)
      local record = record_of()
      return record.rules and record
    end, 15)
    assert.same({ "outlier.parameter" }, record.rules)
    assert.equal("payload_outlier", record.category)
    assert.equal("allow", record.verdict)
    assert.matches("^query.id has been an integer with %d+ senders; here a text with", record.reason)
    assert.equal(200, ask("192.0.2.2", "/orders?id=4712").status)
  end)

  it("says of an attack what the parameter has been", function()
    local response, record_of = ask("192.0.2.3", "/orders?id=1%27+UNION+SELECT+password+FROM+users--")
    assert.equal(403, response.status)
    assert.matches("; query.id has been an integer", record_of().reason, 1, true)
  end)

  it("lets pass what a route is used to", function()
    assert.equal(403, ask("192.0.2.4", SQL).status)
    teach(SQL)
    eventually(function()
      -- Another sender each time: who is refused again and again is banned.
      return ask("203.0.113." .. asked % 250, SQL).status == 200
    end, 15)
    assert.equal(403, ask("192.0.2.4", (SQL:gsub("where=", "other="))).status)
    assert.equal(403, ask("192.0.2.4", "/reports?where=%3Cscript%3Ealert(document.cookie)%3C/script%3E").status)
  end)

  it("holds requests against the API's document", function()
    local response, record_of = ask("192.0.2.5", "/described/orders/7?page=O%27Brien+(jr)")
    assert.equal(200, response.status)
    assert.matches("^query.page has been an integer by the API's document", record_of().reason)

    local operations = eventually(function()
      for nth = 1, 8 do
        for _, path in ipairs({ "/described/orders/7?page=1", "/described/products?", "/described/products/7?" }) do
          ask("198.51.100." .. nth, path)
        end
      end
      local listed = gw:admin("GET", "/threat-agent/review").json.operations
      return listed and listed.shadow[1] and listed.zombie[1] and listed
    end, 90)
    assert.equal("GET /described/products/{id}", operations.shadow[1].operation)
    assert.equal("GET /described/products", operations.zombie[1].operation)
    assert.equal("described", operations.zombie[1].route_name)
    assert.equal(1, #operations.shadow)
    assert.equal(1, #operations.zombie)

    local overview = eventually(function()
      return gw:admin("GET", "/threat-agent/overview").json.operations
    end, 40)
    assert.equal(2, overview.total)
    assert.same({ "shadow", "zombie" }, { overview.data[1].kind, overview.data[2].kind })
    assert.equal("GET /described/products/{id}", overview.data[1].operation)
  end)

  it("keeps it in the node's folder", function()
    local path = gw.prefix .. "/threat-agent/profiles.json"
    local saved = eventually(function()
      local ok, text = pcall(plugin.read, path)
      return ok and text:find('"where"', 1, true) and cjson.decode(text)
    end, 60)
    assert.equal("threat-agent-profile", saved.format)
    assert.equal(3, #saved.routes)

    local text = plugin.cli("openapi " .. path)
    local document = assert(cjson.decode(text), text)
    local page = document.paths["/described/orders/{id}"].get.parameters
    assert.same({ type = "integer" }, page[2].schema)
  end)
end)
