-- What a rollback sets back of what changed, and what it leaves to a person.


local null = require("cjson").null


local MODULE = "kong.plugins.threat-agent."
local FOLDER = "lua/kong/plugins/threat-agent/"


describe("a rollback", function()
  local rollback, entities, changes
  local former_ngx = _G.ngx

  before_each(function()
    _G.ngx = { null = null }
    changes = {}
    entities = dofile(FOLDER .. "entities.lua")
    package.loaded[MODULE .. "entities"] = entities
    package.loaded[MODULE .. "guards"] = dofile(FOLDER .. "guards.lua")
    package.loaded[MODULE .. "snapshots"] = {
      since = function() return changes end,
      entity = function() return nil end,
    }
    rollback = dofile(FOLDER .. "actions/rollback.lua")
    for _, name in ipairs({ "entities", "guards", "snapshots" }) do
      package.loaded[MODULE .. name] = nil
    end
  end)

  after_each(function()
    _G.ngx = former_ngx
  end)


  -- Returns the planned changes; or nil and why there are none.
  local function plan(kind, before, after)
    for _, entity in pairs({ before, after }) do
      entity.id = kind == "plugins" and "p" or kind == "routes" and "r" or "s"
    end
    changes = { { wall_s = 1000, kind = kind, id = (after or before).id, before = before, after = after } }
    local record = { place = { route = "r", service = "s" } }
    local ok, why = rollback.plan(record, { opened_s = 1010 }, {}, function() end)
    return ok and record.changes, why
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
    local change = plan("plugins", transformer(was), transformer(is))[1]
    assert.same({ config = { replace = { uri = null }, http_method = null } }, change.set)
    assert.same({ config = { replace = { uri = "/broken" }, http_method = "DELETE" } }, change.before)

    -- As Kong sets it: the rest stays.
    local standing = transformer({ add = { headers = { "a:1" } }, replace = { headers = {}, uri = "/broken" },
                                   http_method = "DELETE", secret = "s" })
    entities.merge(standing, change.set)
    assert.is_true(entities.holds(standing, change.set))
    assert.same({ add = { headers = { "a:1" } }, replace = { headers = {}, uri = null }, http_method = null, secret = "s" },
                standing.config)
  end)


  it("sets lists and maps back as a whole", function()
    local change = plan("plugins", { name = "http-log", config = { headers = { a = "1" }, retry = { 1, 2 } } },
                        { name = "http-log", config = { headers = { b = "1" }, retry = { 1 } } })[1]
    assert.same({ config = { headers = { a = "1" }, retry = { 1, 2 } } }, change.set)
  end)


  it("tells the tags of what is new and of what is gone", function()
    local tags = { "managed-by-ingress-controller" }
    assert.same(tags, plan("plugins", nil, transformer({}, { tags = tags }))[1].tags)
    assert.same(tags, plan("plugins", transformer({}, { tags = tags }), nil)[1].tags)
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
