-- What a rollback sets back of what changed, and what it leaves to a person.


local null = require("cjson").null


local MODULE = "kong.plugins.threat-agent."
local FOLDER = "lua/kong/plugins/threat-agent/"


describe("a rollback", function()
  local rollback, entities, changes, standing
  local former_ngx = _G.ngx

  before_each(function()
    _G.ngx = { null = null }
    changes, standing = {}, {}
    entities = dofile(FOLDER .. "entities.lua")
    package.loaded[MODULE .. "entities"] = entities
    package.loaded[MODULE .. "guards"] = dofile(FOLDER .. "guards.lua")
    package.loaded[MODULE .. "snapshots"] = {
      since = function() return changes end,
      entity = function(kind, id) return standing[kind] and standing[kind][id] end,
      all = function(kind) return standing[kind] or {} end,
    }
    package.loaded[MODULE .. "actions.offending"] = dofile(FOLDER .. "actions/offending.lua")
    rollback = dofile(FOLDER .. "actions/rollback.lua")
    for _, name in ipairs({ "entities", "guards", "snapshots", "actions.offending" }) do
      package.loaded[MODULE .. name] = nil
    end
  end)

  after_each(function()
    _G.ngx = former_ngx
  end)


  local IDS = { plugins = "p", routes = "r", services = "s", upstreams = "u", targets = "t" }

  -- An entity changed, and stands so.
  local function change(kind, before, after)
    local id = IDS[kind]
    for _, entity in pairs({ before, after }) do
      entity.id = id
    end
    changes[#changes + 1] = { wall_s = 1000, kind = kind, id = id, before = before, after = after }
    standing[kind] = standing[kind] or {}
    standing[kind][id] = after
  end

  -- Returns the planned changes; or nil and why there are none.
  local function plan_all()
    local record = { place = { route = "r", service = "s" } }
    local ok, why = rollback.plan(record, { opened_s = 1010 }, {}, function()
      return { targets_kind = function(_, upstream) return "upstreams/" .. upstream .. "/targets" end }
    end)
    return ok and record.changes or nil, why
  end

  local function plan(kind, before, after)
    change(kind, before, after)
    return plan_all()
  end

  local function transformer(config, fields)
    local made = { name = "request-transformer", config = config }
    for name, value in pairs(fields or {}) do
      made[name] = value
    end
    return made
  end


  it("takes away an option that was added within the configuration of a plugin that stood", function()
    local was = { add = { headers = { "a:1" } }, replace = { headers = {} }, http_method = nil }
    local is = { add = { headers = { "a:1" } }, replace = { headers = {}, uri = "/broken" }, http_method = "DELETE" }
    local planned = plan("plugins", transformer(was), transformer(is))[1]
    assert.same({ config = { replace = { uri = null }, http_method = null } }, planned.set)
    assert.same({ config = { replace = { uri = "/broken" }, http_method = "DELETE" } }, planned.before)

    -- As Kong sets it: the rest stays.
    local stands = transformer({ add = { headers = { "a:1" } }, replace = { headers = {}, uri = "/broken" },
                                   http_method = "DELETE", secret = "s" })
    entities.merge(stands, planned.set)
    assert.is_true(entities.holds(stands, planned.set))
    assert.same({ add = { headers = { "a:1" } }, replace = { headers = {}, uri = null }, http_method = null, secret = "s" },
                stands.config)
  end)


  it("sets lists and maps back as a whole", function()
    local planned = plan("plugins", { name = "http-log", config = { headers = { a = "1" }, retry = { 1, 2 } } },
                        { name = "http-log", config = { headers = { b = "1" }, retry = { 1 } } })[1]
    assert.same({ config = { headers = { a = "1" }, retry = { 1, 2 } } }, planned.set)
  end)


  it("tells the tags of what is new and of what is gone", function()
    local tags = { "managed-by-ingress-controller" }
    assert.same(tags, plan("plugins", nil, transformer({}, { tags = tags }))[1].tags)
    changes = {}
    assert.same(tags, plan("plugins", transformer({}, { tags = tags }), nil)[1].tags)
  end)


  describe("of several changes of one entity", function()
    it("sets it back once, to what was before the first of them", function()
      change("services", { port = 80, host = "a" }, { port = 81, host = "a" })
      local planned = plan("services", { port = 81, host = "a" }, { port = 82, host = "b" })
      assert.equal(1, #planned)
      assert.same({ port = 80, host = "a" }, planned[1].set)
      assert.same({ port = 82, host = "b" }, planned[1].before)
    end)

    it("switches one off that is new, whatever it was at first", function()
      change("plugins", nil, transformer({ a = 1 }))
      local planned = plan("plugins", transformer({ a = 1 }), transformer({ a = 2 }))
      assert.same({ { enabled = false } }, { planned[1].set, planned[2] and planned[2].set })
    end)

    it("sets one back that is new to what it was at first", function()
      change("services", nil, { port = 80 })
      assert.same({ port = 80 }, plan("services", { port = 80 }, { port = 1 })[1].set)
    end)

    it("weighs what becomes looser by all of them", function()
      change("routes", {}, { methods = { "GET" } })
      local planned, why = plan("routes", { methods = { "GET" } }, { methods = { "GET" }, strip_path = true })
      assert.is_nil(planned)
      assert.matches("a person has to take it back", why)
    end)
  end)


  describe("leaves alone what somebody has mended since:", function()
    it("a field", function()
      change("services", { port = 80 }, { port = 1 })
      standing.services.s = { id = "s", port = 80 }
      assert.is_nil((plan_all()))
      standing.services.s = nil
      assert.is_nil((plan_all()))
    end)

    it("by a change of its own", function()
      change("services", { port = 80 }, { port = 1 })
      assert.is_nil((plan("services", { port = 1 }, { port = 80 })))
    end)

    it("a plugin that is new and switched off, or deleted again", function()
      assert.is_nil((plan("plugins", nil, transformer({}, { enabled = false }))))
      changes = {}
      change("plugins", nil, transformer({}))
      assert.is_nil((plan("plugins", transformer({}), nil)))
    end)

    it("a plugin that was deleted and is there again", function()
      change("plugins", transformer({}), nil)
      standing.plugins.p = transformer({})
      assert.is_nil((plan_all()))
    end)
  end)


  describe("puts back what is gone:", function()
    it("an upstream, and then its targets", function()
      standing.services = { s = { id = "s", host = "pool" } }
      change("upstreams", { name = "pool" }, nil)
      local planned = plan("targets", { target = "a:80", upstream = { id = "u" } }, nil)
      assert.same({ "upstreams", "upstreams/u/targets" }, { planned[1].kind, planned[2].kind })
      assert.equal("create", planned[2].op)
    end)

    it("but no route or service, whose plugins are gone with it", function()
      assert.is_nil((plan("routes", {}, nil)))
      assert.is_nil((plan("services", { port = 80 }, nil)))
    end)
  end)


  it("leads no route away from a service that is guarded", function()
    for plugin, is_guard in pairs({ ["key-auth"] = true, cors = false }) do
      changes, standing = {}, { plugins = { g = { name = plugin, enabled = true, service = { id = "new" } } } }
      local planned = plan("routes", { service = { id = "old" } }, { service = { id = "new" } })
      assert.equal(is_guard, planned == nil, plugin)
    end
  end)


  for _, case in ipairs({
    { "another port", "services", { port = 80 }, { port = 1 }, true },
    { "no certificate check", "services", { tls_verify = false }, { tls_verify = true }, false },
    { "a certificate check", "services", { tls_verify = true }, { tls_verify = false }, true },
    { "no client certificate", "services", {}, { client_certificate = { id = "c" } }, false },
    { "another authority", "services", { ca_certificates = { "a" } }, { ca_certificates = { "b" } }, false },
    { "plain text", "services", { protocol = "http" }, { protocol = "https" }, false },
    { "TLS", "services", { protocol = "https" }, { protocol = "http" }, true },
    { "a service that was switched off", "services", { enabled = true }, { enabled = false }, false },
    { "plain text on a route", "routes", { protocols = { "http", "https" } }, { protocols = { "https" } }, false },
    { "TLS alone on a route", "routes", { protocols = { "https" } }, { protocols = { "http", "https" } }, true },
    { "more methods", "routes", {}, { methods = { "GET" } }, false },
    { "fewer methods", "routes", { methods = { "GET" } }, {}, true },
    { "another host", "routes", { hosts = { "a" } }, { hosts = { "b" } }, false },
    { "other sources", "routes", { sources = { { ip = "10.0.0.0/8" } } }, { sources = { { ip = "10.1.0.0/16" } } }, false },
    { "the same sources and no more", "routes", { sources = { { ip = "10.0.0.1" } } },
      { sources = { { ip = "10.0.0.2" }, { ip = "10.0.0.1" } } }, true },
    { "no header to match", "routes", {}, { headers = { a = { "b" } } }, false },
    { "a path that is not stripped", "routes", { strip_path = false }, { strip_path = true }, true },
  }) do
    it((case[5] and "sets back to " or "leaves to a person to set back to ") .. case[1], function()
      local planned, why = plan(case[2], case[3], case[4])
      assert.equal(case[5], planned and true or false, why)
      if not case[5] then
        assert.matches("a person has to take it back", why)
      end
    end)
  end
end)
