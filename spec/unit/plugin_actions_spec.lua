-- What actions plan where a plugin of theirs stands already, on their scope or on a wider one whose place it would take,
-- on an Admin API that is a table.


local null = require("cjson").null


local MODULE = "kong.plugins.threat-agent."
local ACTIONS = "lua/kong/plugins/threat-agent/actions/"


describe("where a plugin stands already,", function()
  local standing, others, suspects, actions
  local former_ngx = _G.ngx

  before_each(function()
    _G.ngx = { null = null }
    standing, others, suspects = nil, {}, { "192.0.2.1" }
    local stubs = {
      database = {
        each = function()
          local i = 0
          return function()
            i = i + 1
            return others[i]
          end
        end,
        workspace_of = function(plugin) return plugin.ws_id or "w" end,
        workspace_at = function() return "w" end,
      },
      entities = dofile("lua/kong/plugins/threat-agent/entities.lua"),
      settings = { platform = function() end },
      effect = { good_ratio = function() return 0 end, others_ratio = function() return 0 end },
      ["actions.usual"] = { requests = function() return 600 end },
      senders = {
        suspects = function(_, by) return by == "consumer" and { "c" } or suspects end,
        line_of = dofile("lua/kong/plugins/threat-agent/senders.lua").line_of,
      },
    }
    for name, stub in pairs(stubs) do
      package.loaded[MODULE .. name] = stub
    end
    local shared = { "wider", "templates", "plugins", "termination", "consumers" }
    for _, name in ipairs(shared) do
      package.loaded[MODULE .. "actions." .. name] = dofile(ACTIONS .. name .. ".lua")
    end
    actions = {}
    for _, name in ipairs({ "ip_restriction", "rate_limiting", "request_termination", "deny_consumer", "hot_patch" }) do
      actions[name] = dofile(ACTIONS .. name .. ".lua")
    end
    for name in pairs(stubs) do
      package.loaded[MODULE .. name] = nil
    end
    for _, name in ipairs(shared) do
      package.loaded[MODULE .. "actions." .. name] = nil
    end
  end)

  after_each(function()
    _G.ngx = former_ngx
  end)


  -- Returns the planned change; or nil and why there is none.
  local function plan(name, step)
    step.target, step.suspicion = "route", "low"
    local record = { place = { workspace = "as it was told", route = "r", service = "s" } }
    local ok, why = actions[name].plan(record, {}, step, function()
      return { plugins_of = function() return { standing } end }
    end)
    return ok and record.changes[1] or nil, why
  end

  local function stands(name, config, enabled)
    standing = { id = "p", name = name, enabled = enabled ~= false, config = config }
  end


  -- A plugin of the service, or by `on` of something else.
  local function stands_wider(name, config, on)
    local plugin = { id = "w", name = name, enabled = true, config = config }
    for field, value in pairs(on or { service = { id = "s" } }) do
      plugin[field] = value
    end
    others[#others + 1] = plugin
  end


  describe("one on the route takes the place of a wider one:", function()
    local ALLOWED = { allow = { "10.0.0.0/8" }, deny = { "192.0.2.9" } }

    it("an ip-restriction lets nobody in whom that kept out", function()
      stands_wider("ip-restriction", ALLOWED)
      local merged = { allow = { "10.0.0.0/8" }, deny = { "192.0.2.9", "192.0.2.1" } }
      assert.same(merged, plan("ip_restriction", {}).entity.config)

      stands("ip-restriction", { deny = { "192.0.2.8" }, allow = null }, false)
      assert.same(merged, plan("ip_restriction", {}).set.config)
    end)

    it("an ip-restriction of all routes where none is on the service", function()
      stands_wider("ip-restriction", { allow = { "198.51.100.0/24" }, deny = null }, {})
      assert.same({ "198.51.100.0/24" }, plan("ip_restriction", {}).entity.config.allow)
      stands_wider("ip-restriction", ALLOWED)
      assert.same({ "10.0.0.0/8" }, plan("ip_restriction", {}).entity.config.allow)
    end)

    it("not of one that is elsewhere, for somebody, or switched off", function()
      for _, on in ipairs({
        { service = { id = "t" } }, { ws_id = "v" }, { consumer = { id = "c" } }, { route = { id = "q" } },
        { consumer_group = { id = "g" } }, { enabled = false },
      }) do
        stands_wider("ip-restriction", ALLOWED, on)
      end
      assert.same({ deny = { "192.0.2.1" } }, plan("ip_restriction", {}).entity.config)
    end)

    it("a rate-limiting goes on limiting as that did", function()
      stands_wider("rate-limiting", { second = 500, minute = 1000, hour = 2000, day = null, limit_by = "ip",
                                      policy = "cluster" })
      local made = plan("rate_limiting", { per_minute = 100 }).entity.config
      assert.same({ 100, 100, 2000, "cluster" }, { made.second, made.minute, made.hour, made.policy })

      stands("rate-limiting", { minute = 5000, limit_by = "ip" }, false)
      local set = plan("rate_limiting", { per_minute = 100 }).set.config
      assert.same({ 100, 100, 2000, null }, { set.second, set.minute, set.hour, set.day })
    end)

    for why, config in pairs({ ["is as strict"] = { minute = 50, limit_by = "ip" },
                               ["does not limit by address"] = { minute = 50, limit_by = "consumer" },
                               ["counts in Redis"] = { minute = 5000, limit_by = "ip", policy = "redis" } }) do
      it("a rate-limiting is not made where that " .. why, function()
        stands_wider("rate-limiting", config, {})
        local change, said = plan("rate_limiting", { per_minute = 100 })
        assert.is_nil(change)
        assert.equal("a rate-limiting plugin stands on all routes that " .. why, said)
      end)
    end

    it("code is not put where that of the service would no longer run", function()
      stands_wider("pre-function", { access = { "authenticate()" } })
      local change, said = plan("hot_patch", { template = "refuse_path", parameter = "/x" })
      assert.is_nil(change)
      assert.equal("a pre-function plugin stands on its service that would no longer run there", said)

      stands("pre-function", { access = { "operator()" } })
      assert.equal("insert", plan("hot_patch", { template = "refuse_path", parameter = "/x" }).op)
    end)
  end)


  it("that is for a group of consumers is not taken for the route's", function()
    stands("rate-limiting", { minute = 5, limit_by = "ip" })
    standing.consumer_group = { id = "g" }
    assert.equal("create", plan("rate_limiting", { per_minute = 100 }).op)
  end)


  describe("an ip-restriction", function()
    it("denies more", function()
      stands("ip-restriction", { deny = { "192.0.2.9" }, allow = null })
      local change = plan("ip_restriction", {})
      assert.same({ config = { deny = { "192.0.2.9", "192.0.2.1" } }, enabled = true }, change.set)
      assert.same({ config = { deny = { "192.0.2.9" } }, enabled = true }, change.before)
    end)

    it("denies an IPv6 client whichever of its addresses it takes next", function()
      suspects = { "2001:db8::1:bad:1", "192.0.2.1", "2001:db8::/56" }
      assert.same({ "2001:db8:0:0::/64", "192.0.2.1", "2001:db8::/56" }, plan("ip_restriction", {}).entity.config.deny)
    end)

    it("that is switched off locks nobody else out", function()
      stands("ip-restriction", { deny = null, allow = { "10.0.0.0/8" } }, false)
      local change = plan("ip_restriction", {})
      assert.same({ config = { deny = { "192.0.2.1" }, allow = null }, enabled = true }, change.set)
      assert.same({ config = { deny = null, allow = { "10.0.0.0/8" } }, enabled = false }, change.before)
    end)
  end)


  describe("a rate-limiting", function()
    for _, case in ipairs({
      { "of a higher limit is lowered", { minute = 1000 }, { minute = 100 }, { minute = 1000 } },
      { "of a second goes along, because Kong wants it no higher", { second = 500, minute = 1000 },
        { second = 100, minute = 100 }, { second = 500, minute = 1000 } },
      { "of a longer window gets the minute's", { hour = 5000 }, { minute = 100 }, { minute = null } },
      { "that is as strict stays", { minute = 100 } },
      { "of a longer window that is as strict stays", { hour = 100 } },
    }) do
      it(case[1], function()
        case[2].limit_by = "ip"
        stands("rate-limiting", case[2])
        local change, why = plan("rate_limiting", { per_minute = 100 })
        assert.same(case[3], change and change.set.config or nil)
        assert.same(case[4], change and change.before.config or nil)
        assert.equal(not case[3] and "a rate-limiting plugin stands there that is as strict" or nil, why)
      end)
    end

    it("by something else is not taken for as strict", function()
      stands("rate-limiting", { minute = 5, limit_by = "header" })
      assert.equal("a rate-limiting plugin stands there that does not limit by address",
                   select(2, plan("rate_limiting", { per_minute = 100 })))
    end)

    it("that is switched off limits by the minute alone", function()
      stands("rate-limiting", { second = 1, hour = 10, limit_by = "consumer", fault_tolerant = false }, false)
      local change = plan("rate_limiting", { per_minute = 100 })
      assert.same({ minute = 100, second = null, hour = null, day = null, month = null, year = null, limit_by = "ip",
                    fault_tolerant = true }, change.set.config)
      assert.same({ minute = null, second = 1, hour = 10, day = null, month = null, year = null,
                    limit_by = "consumer", fault_tolerant = false }, change.before.config)
      assert.is_true(change.set.enabled)
      assert.is_false(change.before.enabled)
    end)
  end)


  describe("a request-termination", function()
    local ALL = { status_code = 503, message = "m", body = null, content_type = null, trigger = null }

    it("that refuses all stays", function()
      stands("request-termination", { status_code = 404, body = "gone" })
      assert.matches("as strict$", select(2, plan("request_termination", { status_code = 503 })))
    end)

    it("with a trigger refuses all", function()
      stands("request-termination", { status_code = 404, message = null, body = "b", content_type = "text/plain",
                                      trigger = "x-debug" })
      local change = plan("request_termination", { status_code = 503, message = "m" })
      assert.same(ALL, change.set.config)
      assert.same(standing.config, change.before.config)
    end)

    it("that is switched off on a consumer refuses it without what it was", function()
      stands("request-termination", { status_code = 200, body = "hello" }, false)
      local change = plan("deny_consumer", { message = "m" })
      ALL.status_code = 403
      assert.same(ALL, change.set.config)
      assert.same({ status_code = 200, message = null, body = "hello", content_type = null, trigger = null },
                  change.before.config)
    end)
  end)


  it("code is added to what runs, without a copy of that", function()
    stands("pre-function", { access = { "local key = 'operator-secret'" } })
    local change = plan("hot_patch", { template = "refuse_path", parameter = "/x" })
    assert.equal("insert", change.op)
    assert.matches("/x", change.value, 1, true)
    assert.is_nil(require("cjson").encode(change):find("operator-secret", 1, true))
  end)


  it("code that is switched off is not run", function()
    stands("pre-function", { access = { "operator()" } }, false)
    assert.matches("switched off", select(2, plan("hot_patch", { template = "refuse_path", parameter = "/x" })))
  end)
end)
