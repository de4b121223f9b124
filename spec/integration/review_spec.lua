-- What the leader finds in the configuration: listed, counted, logged once; and that the gateway routes as
-- the review says.


local gateway = require "spec.support.gateway"


local eventually = gateway.eventually


local SHOP = [[
_format_version: "3.0"
services:
  - name: shop
    url: http://127.0.0.1:${DEMO_PORT}
    routes:
      - { name: products, paths: ["/products"], strip_path: false, plugins: [ { name: key-auth } ] }
      - { name: orders, paths: ["/orders"], strip_path: false, plugins: [ { name: key-auth } ] }
      - { name: users, paths: ["/users"], strip_path: false, plugins: [ { name: key-auth } ] }
]]

local FINDINGS = [[
      - { name: admin, paths: ["/admin"], strip_path: false }
      - { name: report, paths: ["/report/daily"], strip_path: false, plugins: [ { name: key-auth } ] }
      - { name: reports, paths: ["~/report.*"], strip_path: false, plugins: [ { name: key-auth } ] }
      - { name: twin-one, paths: ["/twin"], methods: ["GET"], strip_path: false, plugins: [ { name: key-auth } ] }
      - { name: twin-two, paths: ["/twin"], methods: ["GET"], strip_path: false, plugins: [ { name: key-auth } ] }
  - { name: forgotten, url: "http://127.0.0.1:${DEMO_PORT}" }
routes:
  - { name: nowhere, paths: ["/nowhere"] }
]]

local PLUGINS = [[
plugins:
  - name: threat-agent
    config: { mode: monitor }
  - name: file-log
    config: { path: "${PREFIX}/requests.log", reopen: true }
]]

-- The embedded gateway has no upstreams.
local UPSTREAM = [[
upstreams:
  - { name: forgotten.test, targets: [ { target: "127.0.0.1:9", weight: 0 } ] }
]]

local function config_of(more)
  local config = SHOP .. more .. PLUGINS
  if gateway.kind ~= "embedded" and more ~= "" then
    config = config:gsub('forgotten, url: "http://127.0.0.1:%${DEMO_PORT}"', 'forgotten, host: forgotten.test') .. UPSTREAM
  end

  return config
end


describe(gateway.describe_name("review:"), function()
  local gw

  local function review(query)
    return gw:admin("GET", "/threat-agent/review" .. (query or ""))
  end


  local function reasons(kind)
    local list = {}
    for _, finding in ipairs(review("?kind=" .. kind).json.data) do
      list[#list + 1] = finding.reason
    end

    return table.concat(list, "\n")
  end


  -- The route that a request went to.
  local function route_of(path)
    gw:http({ path = path })
    return gw:logged(function(line) return line.request.uri == path end).route.name
  end


  describe("a configuration with one of each", function()
    setup(function()
      gw = gateway.start({ config = config_of(FINDINGS) })
      eventually(function() return review().status == 200 end, 20)
    end)

    teardown(function() gw:stop() end)


    it("what leads nowhere", function()
      local found = reasons("orphaned")
      assert.matches("route nowhere has no service, and no plugin on it answers", found, 1, true)
      assert.matches("service forgotten has no routes", found, 1, true)
      if gateway.kind ~= "embedded" then
        assert.matches("upstream forgotten.test has no target with a weight above 0: requests to service forgotten fail", found, 1, true)
      end
      assert.is_true(gw:http({ path = "/nowhere" }).status >= 400)
    end)


    it("what never matches, and who takes its requests", function()
      local found = reasons("shadowed")
      assert.matches("route report never gets a request: route reports has", found, 1, true)
      assert.equal("reports", route_of("/report/daily/1"))

      local loser = found:match("route (twin%-%l+) never")
      if gateway.kind == "embedded" then
        assert.matches("of each path only one of them gets the requests", found, 1, true)
      else
        assert.not_equal(loser, route_of("/twin/1"))
      end
      assert.equal(2, review().json.counts.shadowed)
    end)


    it("what stands open among what is guarded", function()
      local data = review("?kind=unauthenticated").json.data
      assert.equal(1, #data)
      assert.equal("admin", data[1].name)
      assert.same({ with = "service", authenticated = 7, others = 7 }, data[1].compared)
      assert.equal("route admin has no authentication; 7 of the 7 other routes of service shop have", data[1].reason)
    end)


    it("is counted, logged once, and part of the overview", function()
      local counts = review().json.counts
      assert.equal(gateway.kind == "embedded" and 2 or 3, counts.orphaned)
      local text = gw:admin("GET", "/threat-agent/metrics").body
      for kind, number in pairs(counts) do
        assert.matches(('threat_agent_config_findings{kind="%s"} %d'):format(kind, number), text, 1, true)
      end
      assert.equal(1, #gw:error_log("configuration: route admin has no authentication"))

      local overview = gw:admin("GET", "/threat-agent/overview").json
      assert.equal(#review().json.data, overview.review.total)
      assert.equal(overview.review.total, #overview.review.data)
    end)


    it("by another kind is refused", function()
      assert.equal(400, review("?kind=ugly").status)
    end)


    -- With a database the configuration is not replaced as a whole.
    if gateway.kind ~= "kong-postgres" then
      it("ends with what caused it", function()
        local config = gw:config()
        assert.equal("admin", table.remove(config.services[1].routes, 4).name)
        assert.is_true(gw:admin("POST", "/config", config).status < 300)
        eventually(function() return review().json.counts.unauthenticated == 0 end, 20)
        assert.equal(2, review().json.counts.shadowed)
        assert.equal(1, #gw:error_log("configuration: route nowhere has no service"))
      end)
    end
  end)


  describe("a clean configuration", function()
    setup(function()
      gw = gateway.start({ config = config_of("") })
      eventually(function() return review().status == 200 end, 20)
    end)

    teardown(function() gw:stop() end)


    it("has no findings", function()
      assert.same({ orphaned = 0, shadowed = 0, unauthenticated = 0 }, review().json.counts)
      assert.same({}, review().json.data)
      assert.equal(0, #gw:error_log("configuration: "))
      assert.equal(0, #gw:error_log("review of the configuration"))
    end)
  end)
end)
