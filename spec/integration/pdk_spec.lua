-- The parts of Kong's PDK, plugin life cycle and schema language that the plugin builds on,
-- tried by a small plugin of the specs' own. The same on the embedded gateway and on a real Kong.


local gateway = require "spec.support.gateway"


local eventually = gateway.eventually

-- Kong 3.4 tells no configurations, reads no bodies that were spilled, and has other words.
local is_old = gateway.is_before(3009000)


local CONFIG = [[
_format_version: "3.0"
services:
  - name: shop
    url: http://127.0.0.1:${DEMO_PORT}
    routes:
      - { name: shop, paths: ["/shop"] }
      - name: own
        paths: ["/own"]
        plugins:
          - { name: probe, config: { label: own, words: [red, blue, red] } }
      - name: secured
        paths: ["/secured"]
        plugins:
          - { name: key-auth }
consumers:
  - username: alice
    keyauth_credentials: [ { key: alice-key } ]
plugins:
  - { name: probe, config: { label: global } }
  - { name: file-log, config: { path: "${PREFIX}/requests.log" } }
]]


gateway.describe("the PDK", {
  config = CONFIG,
  plugins = "bundled,probe",
  env = { EXTRA_LUA_DIR = "spec/support/probe", KONG_NGINX_HTTP_LUA_SHARED_DICT = "probe 1m" },
}, function(gw)
  local function probe(name, request)
    request = request or {}
    request.path = request.path or "/shop/echo"
    request.headers = request.headers or {}
    request.headers["X-Probe"] = name
    return gw:http(request)
  end

  local function logged(uri)
    return gw:logged(function(line) return line.request.uri == uri end)
  end


  describe("answers", function()
    it("exit with a table", function()
      local response = probe("exit")
      assert.equal(429, response.status)
      assert.same({ message = "slow down" }, response.json)
      assert.equal("7", response.headers["retry-after"])
      assert.equal("a, b", response.headers["x-two"])
      assert.equal("exit", response.headers["x-source"])
      assert.equal("application/json; charset=utf-8", response.headers["content-type"])
    end)

    it("exit with text, and with nothing, for which nginx has a page", function()
      local response = probe("exit-text")
      assert.equal(403, response.status)
      assert.equal("no", response.body)
      response = probe("exit-empty")
      assert.equal(403, response.status)
      assert.matches("text/html", response.headers["content-type"], 1, true)
    end)

    local TYPES = {
      { nil, "application/json; charset=utf-8", '"message":"Forbidden"' },
      { "text/html", "text/html; charset=utf-8", "<p>Forbidden.</p>" },
      { "text/plain", "text/plain; charset=utf-8", is_old and "Forbidden\n" or "Forbidden\nrequest_id: " },
      { "application/xml", "application/xml; charset=utf-8", "<message>Forbidden</message>" },
      { "text/html;q=0.2, application/json;q=0.9", "application/json; charset=utf-8", '"message":"Forbidden"' },
      { "image/png", "application/json; charset=utf-8", '"message":"Forbidden"' },
    }
    for _, case in ipairs(TYPES) do
      it("error as " .. case[2] .. " for Accept " .. tostring(case[1]), function()
        local response = probe("error", { headers = { Accept = case[1] } })
        assert.equal(403, response.status)
        assert.equal(case[2], response.headers["content-type"])
        assert.matches(case[3], response.body, 1, true)
      end)
    end

    it("exit in rewrite, before the router", function()
      local response = probe("rewrite-exit", { path = "/nowhere?rewrite" })
      assert.equal(418, response.status)
      assert.equal("in rewrite", response.json.message)
      local line = logged("/nowhere?rewrite")
      assert.equal("exit", line.probe_log.source)
      assert.is_nil(line.route)
    end)

    it("500 for an error in access, and logs it", function()
      local response = probe("raise", { path = "/shop/echo?raise" })
      assert.equal(500, response.status)
      assert.equal("An unexpected error occurred", response.json.message)
      assert.equal(response.headers["x-kong-request-id"], response.json.request_id)
      assert.equal("error", response.headers["x-source"])
      assert.equal("error", logged("/shop/echo?raise").probe_log.source)
      eventually(function() return #gw:error_log("the probe raised") > 0 end)
    end)
  end)


  describe("requests", function()
    it("as the client sent them", function()
      local response = probe("request", {
        path = "/shop/a%2Fb/%65//c/../d?x=%00&y", headers = { ["X-Several"] = { "one", "two" }, Host = "Some.Host:99" },
      })
      assert.same({
        method = "GET", scheme = "http", host = "some.host", version = 1.1,
        path = "/shop/a%2Fb/e/d", raw_path = "/shop/a%2Fb/%65//c/../d", raw_query = "x=%00&y",
        header = "one", headers = { "one", "two" },
        ip = "127.0.0.1", forwarded_ip = "127.0.0.1", consumer = "nobody", route = "shop", service = "shop",
      }, response.json)
    end)

    it("after authentication", function()
      local response = probe("request", { path = "/secured/x", headers = { apikey = "alice-key" } })
      assert.equal("alice", response.json.consumer)
    end)

    local BUFFER = "request body did not fit into client body buffer, consider raising 'client_body_buffer_size'"
    local BODIES = {
      { "none", nil, nil, { 0, "nil" } },
      { "small", 100, nil, { 100, "nil" } },
      { "spilled", 100000, nil, { "nil", BUFFER } },
      { "spilled, within a limit", 100000, 100000, is_old and { "nil", BUFFER } or { 100000, "nil" } },
      { "spilled, without limit", 100000, 0, is_old and { "nil", BUFFER } or { 100000, "nil" } },
      { "spilled, above a limit", 100000, 99999,
        { "nil", is_old and BUFFER or "request body file too big: 100000 > 99999" } },
    }
    for _, case in ipairs(BODIES) do
      it("with a body: " .. case[1], function()
        local response = probe("body", { body = case[2] and ("x"):rep(case[2]), headers = { ["X-Limit"] = case[3] } })
        assert.same({ results = case[4] }, response.json)
      end)
    end

    it("changed on their way to the upstream", function()
      local response = probe("upstream")
      assert.equal("yes", response.json.headers["x-set"])
      assert.equal("5", response.json.headers["x-number"])
      assert.is_nil(response.json.headers["x-probe"])
      assert.equal("kept", response.headers["x-from-access"])
      assert.equal("service", response.headers["x-source"])
    end)
  end)


  it("refuses misuse with its own words", function()
    local results = probe("misuse").json.results
    assert.matches("function cannot be called in access phase (only in: response, header_filter", results[1], 1, true)
    assert.matches("code must be a number", results[2], 1, true)
    assert.matches("max_headers must be <= 1000", results[3], 1, true)
    assert.matches('invalid header value for "X-A": got nil, expected ' .. (is_old and "string" or "array of string"),
                   results[4], 1, true)
    assert.matches("key must be a string", results[5], 1, true)
  end)


  describe("configurations", function()
    it("the narrowest, complete, without nulls, sets as sets", function()
      local own = probe("config", { path = "/own/x" }).json
      assert.equal("own", own.label)
      assert.is_true(own.has_words)
      assert.is_true(own.optional)
      assert.equal(1, own.depth)
      assert.equal(own.plugin_id, own.get_id)
      assert.is_string(own.route_id)

      local global = probe("config").json
      assert.equal("global", global.label)
      assert.is_nil(global.route_id)
      assert.not_equal(own.plugin_id, global.plugin_id)
    end)

    if is_old then
      return
    end

    it("given to configure in every worker at the start", function()
      local state = probe("state").json
      assert.equal(2, state.configs)
      assert.is_true(state.configured >= 1)
      assert.equal(gw.prefix, state.prefix)
      assert.equal(3009001, state.version_num)
      assert.matches("^%x+%-%x+%-%x+%-%x+%-%x+$", state.node_id)
    end)

    it("given to configure again when one changes", function()
      local before = probe("state").json.configured
      gw:patch_plugin("probe", { count = 3 })
      eventually(function()
        local now = probe("state").json
        return now.configured > before and now.configs == 2
      end)
    end)
  end)


  it("runs named timers", function()
    local before = probe("state").json.ticks
    eventually(function() return probe("state").json.ticks > before + 2 end)
  end)


  describe("logs", function()
    it("contexts kept over the phases", function()
      probe("none", { path = "/shop/echo?context" })
      local line = logged("/shop/echo?context")
      assert.same({ label = "global", ctx = true, shared = true, status = 200, source = "service" }, line.probe_log)
    end)

    it("the route's own instance, whose rewrite did not run", function()
      probe("none", { path = "/own/echo?context" })
      local line = logged("/own/echo?context")
      assert.equal("own", line.probe_log.label)
    end)

    it("a request that authentication refused", function()
      probe("none", { path = "/secured/echo?refused" })
      local line = logged("/secured/echo?refused")
      assert.equal(401, line.probe_log.status)
      assert.equal("exit", line.probe_log.source)
    end)

    it("values by dotted keys", function()
      probe("serialize", { path = "/shop/echo?serialize" })
      local line = logged("/replaced")
      assert.same({ deep = { value = 1 }, added = "first" }, line.probe)
    end)

    for _, case in ipairs({
      { "serialize-invalid", "value must be nil, a number, string, boolean or a non-self-referencial table" },
      { "serialize-through", "The key 'request.uri.deeper' could not be used as a serialize value" },
    }) do
      it("nothing when a value is " .. case[1], function()
        local uri = "/shop/echo?" .. case[1]
        assert.equal(200, probe(case[1], { path = uri }).status)
        eventually(function() return #gw:error_log(case[2]) > 0 end)
        for _, line in ipairs(gw:log_lines()) do
          assert.not_equal(uri, line.request.uri)
        end
      end)
    end
  end)


  describe("mounts a plugin's routes", function()
    it("on the Admin API", function()
      local got = gw:admin("GET", "/probe/a%20b?q=1")
      assert.equal(200, got.status)
      assert.same({ name = "a%20b", query = "1" }, got.json)

      local posted = gw:admin("POST", "/probe/x", { value = { 1, 2 } })
      assert.equal(201, posted.status)
      assert.same({ name = "x", value = { 1, 2 }, json = { value = { 1, 2 } } }, posted.json)
    end)

    it("and answers for their mistakes", function()
      assert.equal(405, gw:admin("PUT", "/probe/x", {}).status)
      local failed = gw:admin("DELETE", "/probe/x")
      assert.equal(500, failed.status)
      assert.equal("An unexpected error occurred", failed.json.message)
      eventually(function() return #gw:error_log("the probe's API raised") > 0 end)
      assert.equal(404, gw:admin("GET", "/probes").status)
    end)

    it("on the Status API", function()
      assert.same({ name = "x" }, gw:status("/probe/x").json)
      assert.equal(200, gw:status("/status").status)
      assert.equal(404, gw:status("/plugins").status)
    end)
  end)


  describe("schemas", function()
    local CASES = {
      { "an unknown field", { nope = 1 }, { nope = "unknown field" } },
      { "wrong types", { label = 1, count = "x", words = { a = 1 }, nested = 3, by_name = "x", names = "x" },
        { label = "expected a string", count = "expected an integer", words = "expected a set",
          nested = "expected a record", by_name = "expected a map", names = "expected an array" } },
      { "a fraction for an integer", { count = 1.5 }, { count = "expected an integer" } },
      { "bounds", { count = 11, ratio = 0 },
        { count = "value should be between 1 and 10", ratio = "value must be greater than 0" } },
      { "an empty text", { label = "" }, { label = "length must be at least 1" } },
      { "a choice", { mode = "x" }, { mode = "expected one of: off, on" } },
      { "elements", { words = { "fine", "toolong" }, names = { "ok", "UP" } },
        { words = { [2] = "length must be at most 5" }, names = { [2] = "invalid value: UP" } } },
      { "too many elements", { words = { "a", "b", "c", "d" } }, { words = "length must be at most 3" } },
      { "keys and values of maps", { by_name = { a = 1 } }, { by_name = "length must be at least 2" } },
      { "records in arrays", { limits = { { window = "5s", limit = 0 } } },
        { limits = { { window = "expected one of: 1s, 10s", limit = "value must be greater than 0" } } } },
      { "a condition in a record", { limits = { { window = "1s" } } },
        { limits = { { scope = "required field missing",
                       ["@entity"] = { "failed conditional validation given value of field 'window'" } } } } },
      { "fields that need each other", { nested = { note = "x" } },
        { nested = { ["@entity"] = { "all or none of these fields must be set: 'note', 'other'" } } } },
      { "a check across fields", { mode = "on" }, { ["@entity"] = { "mode on needs a count" } } },
    }

    local function plain(errors)
      if type(errors) ~= "table" then
        return errors ~= require("cjson").null and errors or nil
      end

      local copy = {}
      for key, value in pairs(errors) do
        copy[key] = plain(value)
      end
      return copy
    end

    for _, case in ipairs(CASES) do
      it("refuse " .. case[1], function()
        local refused = gw:admin("POST", "/plugins", { name = "probe", config = case[2] })
        assert.equal(400, refused.status)
        assert.equal("schema violation", refused.json.name)
        assert.same({ config = case[3] }, plain(refused.json.fields))
      end)
    end

    it("say it in one message", function()
      local refused = gw:admin("POST", "/plugins", { name = "probe", config = { limits = { { window = "5s" } } } })
      assert.equal('schema violation (config.limits: {\n  {\n    window = "expected one of: 1s, 10s"\n  }\n})',
                   refused.json.message)
    end)

    it("fill in what is left out", function()
      local config = gw:plugins("probe")[1].config
      assert.same({}, config.names)
      assert.equal("off", config.mode)
      assert.equal(1, config.nested.depth)
      assert.equal(require("cjson").null, config.optional)
      assert.same({ value = 7 }, config.implied)
    end)
  end)
end)
