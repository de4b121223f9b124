-- What a lost agent left behind, on an Admin API that is a table.


local MODULE = "kong.plugins.threat-agent."


describe("the sweeper", function()
  local left, forgotten, set_back, answers
  local sweeper, now, plugins, deleted, records, conf, client, notes, begins, may_undo, gone
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
    notes, begins, may_undo, gone = {}, true, false, {}
    client = {
      tier = "admin_api",
      tagged = function(_, kind) return kind == "plugins" and plugins end,
      delete = function(_, _, id)
        deleted[#deleted + 1] = id
        notes[#notes + 1] = "delete " .. id
        return true
      end,
    }
    package.loaded[MODULE .. "admin"] = {
      client = function(_, workspace)
        if gone[workspace] then
          return nil, "the workspace is gone", false, true
        end
        return client
      end,
    }
    package.loaded[MODULE .. "agent.unsettled"] = {
      may_undo = function() return may_undo end,
      begin_sweep = function()
        notes[#notes + 1] = "begin"
        return begins or nil, "the disk is full"
      end,
      finish_sweep = function(passes) notes[#notes + 1] = "finish " .. tostring(passes) end,
    }
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
        notes[#notes + 1] = "set back " .. change.id
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
    for _, name in ipairs({ "admin", "agent.bequest", "agent.journal", "agent.operations", "agent.unsettled", "database" }) do
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


  it("looks as before where the clock was set back", function()
    sweeper.sweep(conf)
    now = now - 3600
    plugins[1].tags[2] = "expires:1000"
    sweeper.sweep(conf)
    assert.same({ "overdue", "overdue" }, deleted)
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


  it("forgets what was changed in a workspace that is gone", function()
    left[1] = { node = "lost", id = "over", expires_s = 9000, workspace = "w", changes = { { kind = "routes", id = "r1" } } }
    gone.w = true
    assert.is_true(sweeper.sweep(conf))
    assert.same({}, set_back)
    assert.same({ "over" }, forgotten)
  end)


  it("writes down before and after what it changes", function()
    left[1] = { node = "lost", id = "over", expires_s = 9000, changes = { { kind = "routes", id = "r1" } } }
    answers.r1 = { nil, "timeout", "unanswered" }
    sweeper.sweep(conf)
    assert.same({ "begin", "delete overdue", "finish nil", "begin", "set back r1", "finish unanswered" }, notes)

    notes, begins, now = {}, false, now + 61
    assert.is_nil((sweeper.sweep(conf)))
    assert.same({ "begin", "begin", "begin" }, notes)
    assert.same({}, forgotten)
  end)


  it("changes nothing of a configuration over which the former leader's may land", function()
    left[1] = { node = "lost", id = "over", expires_s = 9000, changes = { { kind = "routes", id = "r1" } } }
    client.tier, may_undo = "dbless", true
    assert.is_true(sweeper.sweep(conf))
    assert.same({}, notes)
    assert.same({}, forgotten)

    may_undo, now = false, now + 61
    sweeper.sweep(conf)
    assert.same({ "over" }, forgotten)
  end)


  it("deletes nothing where nothing is written", function()
    conf.response.admin_api.writes = "patch"
    assert.is_true(sweeper.sweep(conf))
    assert.same({}, deleted)
  end)
end)
