-- What a lost agent left behind, on an Admin API that is a table.


local MODULE = "kong.plugins.threat-agent."


describe("the sweeper", function()
  local sweeper, now, plugins, deleted, records, conf
  local former_kong, former_now = _G.kong, _G.ngx and _G.ngx.now

  before_each(function()
    _G.ngx = _G.ngx or {}
    _G.ngx.now = function() return now end
    _G.kong = { log = { notice = function() end } }
    now, deleted, records = 10000, {}, {}
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
    package.loaded[MODULE .. "database"] = { workspaces = function() return { "default" } end }
    package.loaded[MODULE .. "agent.journal"] = {
      all = function() return records end,
      is_ended = function(record) return record.state == "expired" end,
    }
    sweeper = dofile("lua/kong/plugins/threat-agent/agent/sweeper.lua")
    for _, name in ipairs({ "admin", "agent.journal", "database" }) do
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


  it("deletes nothing where nothing is written", function()
    conf.response.admin_api.writes = "patch"
    assert.is_true(sweeper.sweep(conf))
    assert.same({}, deleted)
  end)
end)
