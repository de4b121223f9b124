-- What actions plan where a plugin of theirs stands already, on an Admin API that is a table.


local null = require("cjson").null


local MODULE = "kong.plugins.threat-agent."
local ACTIONS = "lua/kong/plugins/threat-agent/actions/"


describe("where a plugin stands already,", function()
  local standing, actions
  local former_ngx = _G.ngx

  before_each(function()
    _G.ngx = { null = null }
    local stubs = {
      effect = { good_ratio = function() return 0 end },
      ["actions.usual"] = { requests = function() return 600 end },
      senders = { suspects = function(_, by) return by == "consumer" and { "c" } or { "192.0.2.1" } end },
    }
    for name, stub in pairs(stubs) do
      package.loaded[MODULE .. name] = stub
    end
    local shared = { "templates", "plugins", "termination", "consumers" }
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
    local record = { place = { route = "r", service = "s" } }
    local ok, why = actions[name].plan(record, {}, step, function()
      return { plugins_of = function() return { standing } end }
    end)
    return ok and record.changes[1], why
  end

  local function stands(name, config, enabled)
    standing = { id = "p", name = name, enabled = enabled ~= false, config = config }
  end


  describe("an ip-restriction", function()
    it("denies more", function()
      stands("ip-restriction", { deny = { "192.0.2.9" }, allow = null })
      local change = plan("ip_restriction", {})
      assert.same({ config = { deny = { "192.0.2.9", "192.0.2.1" } }, enabled = true }, change.set)
      assert.same({ config = { deny = { "192.0.2.9" } }, enabled = true }, change.before)
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
