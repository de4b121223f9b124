-- What a lost agent left behind, on an Admin API that is a table.


local MODULE = "kong.plugins.threat-agent."


describe("the sweeper", function()
  local left, forgotten, set_back, answers
  local sweeper, now, plugins, deleted, records, conf
  local former_kong, former_now = _G.kong, _G.ngx and _G.ngx.now

  before_each(function()
    _G.ngx = _G.ngx or {}
    _G.ngx.now = function() return now end
    _G.kong = { log = { notice = function() end }, node = { get_id = function() return "here" end } }
    now, deleted, records = 10000, {}, {}
    left, forgotten, set_back, answers = {}, {}, {}, {}
    plugins = {
      { id = "overdue", name = "acl", tags = { "threat-agent", "expires:9000" } },
      { id = "ours", name = "acl", tags = { "threat-agent", "expires:9000" } },
      { id = "in time", name = "acl", tags = { "threat-agent", "expires:9990" } },
      { id = "committed", name = "acl", tags = { "threat-agent" } },
    }
    records[1] = { state = "reverting", changes = { { id = "ours" } } }
    local client = {
      tagged = function(_, kind) return kind == "plugins" and plugins end,
      delete = function(_, _, id)
        deleted[#deleted + 1] = id
        return true
      end,
    }
    package.loaded[MODULE .. "admin"] = { client = function() return client end }
    package.loaded[MODULE .. "agent.bequest"] = {
      list = function() return left end,
      forget = function(one)
        forgotten[#forgotten + 1] = one.id
        return true
      end,
    }
    package.loaded[MODULE .. "agent.operations"] = {
      revert = function(change)
        set_back[#set_back + 1] = change.id
        return unpack(answers[change.id] or { true })
      end,
    }
    package.loaded[MODULE .. "database"] = { workspaces = function() return { "default" } end }
    package.loaded[MODULE .. "agent.journal"] = {
      all = function() return records end,
      get = function(id) return records[id] end,
      is_ended = function(record) return record.state == "expired" end,
    }
    sweeper = dofile("lua/kong/plugins/threat-agent/agent/sweeper.lua")
    for _, name in ipairs({ "admin", "agent.bequest", "agent.journal", "agent.operations", "database" }) do
      package.loaded[MODULE .. name] = nil
    end
    conf = { response = { admin_api = { writes = "apply" } } }
  end)

  after_each(function()
    _G.kong, _G.ngx.now = former_kong, former_now
  end)


  it("deletes what is overdue and nobody here will take away", function()
    assert.is_true(sweeper.sweep(conf))
    assert.same({ "overdue" }, deleted)
    records[1].state = "expired"
    sweeper.sweep(conf)
    assert.equal(1, #deleted)
    now = now + 61
    sweeper.sweep(conf)
    assert.same({ "overdue", "overdue", "ours", "in time" }, deleted)
  end)


  it("passes over what is listed and not the agent's, as where the Admin API does not know how to ask for a tag", function()
    for _, odd in ipairs({ require("cjson").null, { id = "no tags", tags = require("cjson").null }, { id = "none" }, "text",
                           { id = "theirs", tags = { "expires:9000" } }, { id = "odd", tags = { 5, "threat-agent" } } }) do
      table.insert(plugins, 1, odd)
    end
    assert.is_true(sweeper.sweep(conf))
    assert.same({ "overdue" }, deleted)
  end)


  it("sets back what another node changed, when it is overdue and still as that left it", function()
    local function of(node, id, expires_s, ...)
      local changes = {}
      for i, name in ipairs({ ... }) do
        changes[i] = { kind = "routes", id = name }
      end
      left[#left + 1] = { node = node, id = id, expires_s = expires_s, changes = changes }
    end
    of("lost", "over", 9000, "r1", "r2")
    of("lost", "in time", 9990, "r3")
    of("lost", "changed since", 9000, "foreign")
    of("lost", "away", 9000, "r4", "unreachable")
    of("here", "followed", 9000, "r5")
    of("here", "ended", 9000, "r6")
    of("here", "forgotten", 9000, "r7")
    -- Somebody has changed the same since.
    of("lost", "taken on", 9000, "r8", "r9")
    of("other", "standing", 20000, "r8")
    of("lost", "taken on here", 9000, "ours")
    records["followed"], records["ended"] = { state = "reverting" }, { state = "expired" }
    answers = { foreign = { nil, "was changed", false, true }, unreachable = { nil, "away", true } }

    local ok, err = sweeper.sweep(conf)
    assert.is_nil(ok)
    assert.equal("could not take back what another agent changed: away", err)
    assert.same({ "r2", "r1", "foreign", "unreachable", "r4", "r7" }, set_back)
    assert.same({ "ended", "over", "changed since", "forgotten" }, forgotten)
  end)


  it("deletes nothing where nothing is written", function()
    conf.response.admin_api.writes = "patch"
    assert.is_true(sweeper.sweep(conf))
    assert.same({}, deleted)
  end)
end)
