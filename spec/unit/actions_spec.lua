-- What actions plan, on entities that are tables.


local plugin = require "spec.support.plugin"


local MODULE = "kong.plugins.threat-agent."
local FOLDER = "lua/kong/plugins/threat-agent/"


describe("an action", function()
  local former, entities, plugins, incident, record, services, loser
  local null = _G.ngx and _G.ngx.null or require("cjson").null

  local api = {
    get = function(_, kind, id) return entities[kind .. "/" .. id] or false end,
    plugins_of = function(_, kind, id) return plugins[kind .. "/" .. id] or {} end,
  }

  local function stub(name, module)
    former[name], package.loaded[MODULE .. name] = package.loaded[MODULE .. name] or false, module
  end

  before_each(function()
    _G.ngx = _G.ngx or {}
    _G.ngx.null = _G.ngx.null or null
    null = _G.ngx.null
    former = {}
    entities, plugins, services = {}, {}, {}
    incident = {
      id = "i", category = "abuse", route = "r", service = "s",
      top_clients = { { client = "192.0.2.1", suspicion = "high" } },
      top_senders = { { by = "consumer", id = "ann", suspicion = "high" }, { by = "consumer", id = "bob", suspicion = "high" } },
    }
    record = { id = "i-1", incident = "i", created_s = 1, ttl_s = 60, verify_after_s = 30, touches_ratio = 0,
               place = { workspace = "w", route = "r", service = "s" } }
    stub("senders", dofile(FOLDER .. "senders.lua"))
    stub("effect", { good_ratio = function() return 0.25 end, others_ratio = function() return 0.5 end })
    loser = false
    stub("actions.precedence", function() return loser end)
    stub("actions.usual", { requests = function() return 60 end })
    stub("database", {
      each = function(kind)
        local list = kind == "services" and services or {}
        for _, some in pairs(kind == "plugins" and plugins or {}) do
          for _, one in ipairs(some) do
            list[#list + 1] = one
          end
        end
        local i = 0
        return function()
          i = i + 1
          return list[i]
        end
      end,
      select = function(kind, id) return entities[kind .. "/" .. id] end,
      workspace_of = function(entity) return entity.ws_id or "w" end,
      workspace_at = function() return "w" end,
    })
    for _, name in ipairs({ "wider", "consumers", "plugins", "ban" }) do
      stub("actions." .. name, dofile(FOLDER .. "actions/" .. name .. ".lua"))
    end
  end)

  after_each(function()
    for name, module in pairs(former) do
      package.loaded[MODULE .. name] = module or nil
    end
  end)


  local function plan(name, step)
    local action = dofile(FOLDER .. "actions/" .. name .. ".lua")
    return action.plan(record, incident, step, function() return api end)
  end


  it("has a file, a line in the registry, and a name in the schema", function()
    local named, registered = {}, {}
    local function find(fields, name)
      for _, field in ipairs(fields) do
        if field[name] then
          return field[name]
        end
      end
    end
    local response = find(find(plugin.schema().fields, "config").fields, "response")
    for _, name in ipairs(find(find(find(response.fields, "policies").elements.fields, "steps").elements.fields, "action").one_of) do
      named[name] = true
    end
    for name, file in plugin.read(FOLDER .. "actions/init.lua"):gmatch('\n  ([%l_]+) = require "[%w%-%.]+%.actions%.([%l_]+)"') do
      assert.equal(name, file)
      registered[name] = true
    end
    assert.same(registered, named)
  end)


  describe("that is a ban", function()
    local STEP = { by = "client_ip", suspicion = "high", scope = "route" }

    local function step(more)
      return setmetatable(more, { __index = STEP })
    end

    it("refuses all, or what shows a sign, which touches nobody else", function()
      for when, case in pairs({ always = { "refuse", 0.5 }, signal = { "refuse_on_signal", 0 } }) do
        assert.is_true(plan("ban", step({ when = when })))
        assert.same(case, { record.changes[1].ban.measure, record.touches_ratio })
        assert.same({ "192.0.2.1" }, record.clients)
        assert.equal(30, record.verify_after_s)
      end
    end)

    it("only tags, and nobody is to send less for it", function()
      assert.is_true(plan("tag", step({})))
      assert.equal("tag", record.changes[1].ban.measure)
      assert.same({ "192.0.2.1" }, record.clients)
      assert.is_nil(record.verify_after_s)
    end)
  end)


  describe("that restricts a route", function()
    for _, case in ipairs({
      { "to methods, where it takes all", {}, { methods = { "GET" } }, { methods = { "GET" } } },
      { "to those of its methods that are named", { methods = { "GET", "PUT" } },
        { methods = { "POST", "GET" } }, { methods = { "GET" } } },
      { "to hosts", { hosts = { "a.test", "B.test" } }, { hosts = { "b.test" } }, { hosts = { "B.test" } } },
      { "to headers", {}, { headers = { ["x-a"] = { "1" } } }, { headers = { ["x-a"] = { "1" } } } },
      { "to headers beside its own", { headers = { ["X-A"] = { "1", "2" }, ["x-b"] = { "3" } } },
        { headers = { ["x-a"] = { "2", "4" } } }, { headers = { ["X-A"] = { "2" }, ["x-b"] = { "3" } } } },
      { "in several ways", { methods = { "GET" } }, { methods = { "GET" }, hosts = { "a.test" } },
        { methods = { "GET" }, hosts = { "a.test" } } },
    }) do
      it(case[1], function()
        entities["routes/r"] = case[2]
        assert.is_true(plan("restrict_route", case[3]))
        local change = record.changes[1]
        assert.same(case[4], change.set)
        for field in pairs(change.set) do
          assert.equal(case[2][field] or null, change.before[field])
        end
        assert.equal(0.25, record.touches_ratio)
      end)
    end

    it("not where that takes another one's requests", function()
      entities["routes/r"] = {}
      loser = "admin"
      local ok, why = plan("restrict_route", { methods = { "GET" } })
      assert.is_nil(ok)
      assert.equal("it would take requests from route admin, which Kong asks first as it stands", why)
    end)


    for _, case in ipairs({
      { { methods = { "POST" } }, "none of these methods" },
      { { hosts = { "other.test" } }, "none of these hosts" },
      { { headers = { ["X-A"] = { "2" } } }, "none of these values of X%-A" },
      { {}, "names no methods" },
    }) do
      it("never to nothing: " .. case[2], function()
        entities["routes/r"] = { methods = { "GET" }, hosts = { "a.test" }, headers = { ["x-a"] = { "1" } } }
        local ok, why = plan("restrict_route", case[1])
        assert.is_nil(ok)
        assert.matches(case[2], why)
      end)
    end
  end)


  describe("that diverts a route", function()
    before_each(function()
      entities["routes/r"] = { service = { id = "s" }, tags = { "t" } }
      services = { { id = "x", name = "sink", ws_id = "other" }, { id = "y", name = "sink", ws_id = "w" } }
    end)

    it("sends it to a service of its workspace, by name or id", function()
      for _, name in ipairs({ "sink", "y" }) do
        assert.is_true(plan("divert_route", { to_service = name }))
        assert.same({ { op = "patch", kind = "routes", id = "r", tags = { "t" }, set = { service = { id = "y" } },
                        before = { service = { id = "s" } } } }, record.changes)
      end
    end)

    it("puts a route back that had no service", function()
      entities["routes/r"].service = null
      assert.is_true(plan("divert_route", { to_service = "sink" }))
      assert.equal(null, record.changes[1].before.service)
    end)

    it("does nothing where that is none, or where the route goes already", function()
      assert.matches("no service x", select(2, plan("divert_route", { to_service = "x" })))
      services[2].id = "s"
      assert.matches("already", select(2, plan("divert_route", { to_service = "sink" })))
    end)
  end)


  describe("that reroutes a service", function()
    it("leaves TLS behind where the other upstream has none, and takes it up again", function()
      entities["services/s"] = { protocol = "https", host = "shop", port = 443, path = null, tls_verify = true,
                                 tls_verify_depth = null, client_certificate = { id = "c" } }
      assert.is_true(plan("reroute", { url = "http://sink:81/x" }))
      assert.same({ protocol = "http", host = "sink", port = 81, path = "/x", tls_verify = null,
                    client_certificate = null }, record.changes[1].set)
      assert.same({ protocol = "https", host = "shop", port = 443, path = null, tls_verify = true,
                    client_certificate = { id = "c" } }, record.changes[1].before)
      assert.is_true(plan("reroute", { url = "https://sink" }))
      assert.is_nil(record.changes[1].set.tls_verify)
    end)

    it("leaves one alone that speaks something else", function()
      entities["services/s"] = { protocol = "tcp", host = "shop", port = 443 }
      assert.equal("the service speaks tcp", select(2, plan("reroute", { url = "http://sink" })))
    end)
  end)


  it("against consumers, credentials or networks touches whoever else is behind them", function()
    stub("actions.templates", { refuse_credentials = function() return "code" end })
    incident.top_senders[3] = { by = "credential", id = "key", suspicion = "high" }
    for name, step in pairs({ deny_consumer = {}, limit_consumer = { scope = "route" }, disable_credential = {},
                              ip_restriction = { by = "network" } }) do
      record.touches_ratio, step.suspicion, step.target = 0, "high", "route"
      assert.is_true(plan(name, step))
      assert.equal(0.5, record.touches_ratio, name)
    end
  end)


  -- What it finds done already somebody else did: taking it back would undo that.
  describe("leaves as it is, and so takes back nothing of,", function()
    local function refusal(name, step)
      local ok, why = plan(name, step)
      assert.is_nil(ok)
      return why
    end

    it("a plugin that is switched off", function()
      stub("guards", { is_guard = function() return false end })
      plugins["routes/r"] = { { id = "p", name = "cors", enabled = false, route = { id = "r" } } }
      local step = { plugin = "cors", target = "route" }
      assert.equal("the cors plugin that stands there is switched off already", refusal("disable_plugin", step))
      plugins["routes/r"][1].enabled = true
      assert.is_true(plan("disable_plugin", step))
    end)

    it("a service that goes there", function()
      entities["services/s"] = { protocol = "http", host = "sink", port = 80 }
      assert.equal("the service goes there already", refusal("reroute", { url = "http://sink" }))
      assert.is_true(plan("reroute", { url = "http://sink:81" }))
    end)

    it("a route that takes nothing else", function()
      entities["routes/r"] = { methods = { "GET" } }
      assert.equal("the route takes nothing else already", refusal("restrict_route", { methods = { "GET", "PUT" } }))
    end)

    it("a target that is drained, or the last that is not", function()
      local targets = { { id = "1", target = "a:80", weight = 100, upstream = { id = "u" } },
                        { id = "2", target = "b:80", weight = 100, upstream = { id = "u" } } }
      entities["services/s"] = { host = "pool" }
      api.targets_of = function() return targets end
      api.targets_kind = function() return "targets" end
      assert.is_true(plan("drain_target", { upstream_target = "a:80" }))
      assert.same({ weight = 100 }, record.changes[1].before)
      targets[1].weight = 0
      assert.equal("the target gets no requests already", refusal("drain_target", { upstream_target = "a:80" }))
      assert.equal("no other target of the upstream gets any requests",
                   refusal("drain_target", { upstream_target = "b:80" }))
    end)
  end)


  describe("that limits consumers", function()
    local function limiting(config, more)
      local made = { name = "rate-limiting", enabled = true, config = config }
      for name, value in pairs(more or {}) do
        made[name] = value
      end
      return made
    end

    local function step(more)
      more.suspicion, more.scope = "high", more.scope or "route"
      return more
    end

    it("limits each on the route, by what ordinary clients need", function()
      assert.is_true(plan("limit_consumer", step({})))
      assert.same({ "ann", "bob" }, record.clients)
      assert.same({ name = "rate-limiting", consumer = { id = "bob" }, route = { id = "r" },
                    config = { minute = 60, limit_by = "consumer", policy = "local", fault_tolerant = true } },
                  record.changes[2].entity)
    end)

    it("limits on the service, or everywhere", function()
      assert.is_true(plan("limit_consumer", step({ scope = "service" })))
      assert.same({ id = "s" }, record.changes[1].entity.service)
      assert.is_true(plan("limit_consumer", step({ scope = "global" })))
      assert.is_nil(record.changes[1].entity.service or record.changes[1].entity.route)
    end)

    it("is as strict as each plugin whose place it takes, and in order", function()
      plugins["routes/r"] = { limiting({ second = 10 }, { route = { id = "r" } }),
                              limiting({ minute = 1 }, { route = { id = "r" }, consumer = { id = "eve" } }) }
      plugins["services/s"] = { limiting({ minute = 5, day = null }, { service = { id = "s" } }),
                                { name = "cors", enabled = true, config = {} } }
      plugins.everywhere = { limiting({ hour = 100 }), limiting({ minute = 1 }, { ws_id = "other" }),
                             limiting({ minute = 1 }, { route = { id = "other" } }),
                             limiting({ minute = 1 }, { consumer_group = { id = "free" } }) }
      plugins["consumers/ann"] = { limiting({ hour = 3 }, { consumer = { id = "ann" } }),
                                   limiting({ second = 1 }, { consumer = { id = "ann" }, route = { id = "other" } }),
                                   limiting({ day = 1 }, { consumer = { id = "ann" }, enabled = false }) }
      assert.is_true(plan("limit_consumer", step({ per_minute = 20 })))
      local function limits(config)
        return { config.second, config.minute, config.hour, config.day }
      end
      assert.same({ 3, 3, 3 }, limits(record.changes[1].entity.config))
      assert.same({ 5, 5, 100 }, limits(record.changes[2].entity.config))
    end)

    it("is as strict as what limits a part of where it holds", function()
      entities["routes/near"] = { service = { id = "s" } }
      entities["routes/far"] = { service = { id = "t" } }
      plugins.everywhere = { limiting({ minute = 20 }, { route = { id = "near" } }),
                             limiting({ minute = 5 }, { route = { id = "far" } }) }
      for scope, minute in pairs({ route = 60, service = 20, global = 5 }) do
        assert.is_true(plan("limit_consumer", step({ scope = scope })))
        assert.equal(minute, record.changes[1].entity.config.minute, scope)
      end
    end)

    it("leaves a limit alone that somebody put there", function()
      plugins["consumers/ann"] = { limiting({ minute = 900 }, { consumer = { id = "ann" }, route = { id = "r" } }) }
      assert.is_true(plan("limit_consumer", step({})))
      assert.same({ "bob" }, record.clients)
      plugins["consumers/bob"] = plugins["consumers/ann"]
      assert.matches("limits of their own", select(2, plan("limit_consumer", step({}))))
    end)
  end)
end)
