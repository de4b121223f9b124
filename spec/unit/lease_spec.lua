-- What two workers may not do, by a native lease that is a table.


local MODULE = "kong.plugins.threat-agent."
local FOLDER = "lua/kong/plugins/threat-agent/"


describe("the lead of the node", function()
  local lease, leads, new, shared, worker, journal, http, saved, sent
  local former_time, former_worker

  before_each(function()
    _G.ngx = _G.ngx or {}
    former_time, former_worker = _G.ngx.time, _G.ngx.worker
    _G.ngx.time = function() return 1000 end
    _G.ngx.worker = { id = function() return worker end }
    leads, new, shared, worker, saved, sent = true, false, true, 1, 0, {}
    package.loaded[MODULE .. "region"] = {
      tick = function() return leads, new end,
      leads = function() return leads end,
      node = function() return { shared = shared } end,
    }
    lease = dofile(FOLDER .. "lease.lua")
    package.loaded[MODULE .. "lease"] = lease
    package.loaded[MODULE .. "files"] = {
      ACTIONS = "actions.json",
      load = function() return '[{ "id": "i-1", "state": "applying", "changes": [], "place": {} }]' end,
      save = function() saved = saved + 1 return true end,
    }
    package.loaded[MODULE .. "admin.reach"] = {
      request = function(_, _, params)
        sent[#sent + 1] = params.method
        return { status = 200, body = "{}" }
      end,
    }
    package.loaded[MODULE .. "vocabulary"] = dofile(FOLDER .. "vocabulary.lua")
    journal = dofile(FOLDER .. "agent/journal.lua")
    http = dofile(FOLDER .. "admin/http.lua")
    for _, name in ipairs({ "region", "lease", "files", "vocabulary", "admin.reach" }) do
      package.loaded[MODULE .. name] = nil
    end
    assert(journal.load())
  end)

  after_each(function()
    _G.ngx.time, _G.ngx.worker = former_time, former_worker
  end)


  local opened

  local function open()
    opened = opened + 1
    assert.is_false(lease.holds())
  end

  it("is held once what the former leader left is taken over", function()
    opened, new = 0, true
    assert.is_true(lease.renew())
    new = false
    assert.is_true(lease.renew())
    assert.is_false(lease.holds())
    assert.is_true(lease.take_over(open))
    assert.is_true(lease.holds())
    assert.is_true(lease.take_over(open))
    assert.equal(1, opened)
  end)


  it("is not held while that cannot be taken over: it would be written over", function()
    opened, new = 0, true
    lease.renew()
    local ok, err = lease.take_over(function() error("half a file", 0) end)
    assert.same({ nil, "half a file" }, { ok, err })
    assert.is_false(lease.holds())
    assert.is_true(lease.take_over(open))
    assert.is_true(lease.holds())
  end)


  it("is not held where it was lost and taken anew while that was taken over", function()
    opened, new = 0, true
    lease.renew()
    lease.take_over(function() lease.renew() end)
    assert.is_false(lease.holds())
    lease.take_over(open)
    assert.is_true(lease.holds())
  end)


  it("is no lead where the region cannot be asked", function()
    leads, new = nil, "no region"
    assert.same({ nil, "no region" }, { lease.renew() })
    assert.is_falsy(lease.holds())
  end)


  it("is the first worker's where each has a region of its own", function()
    shared, new = false, true
    assert.is_false(lease.renew())
    assert.is_true(lease.take_over(function() error("nothing is to be taken over") end))
  end)


  it("is needed to write an action down, which is as before without it", function()
    local record = journal.get("i-1")
    leads = false
    local ok, err = journal.set(record, "active")
    assert.is_nil(ok)
    assert.matches("another worker leads", err)
    assert.equal("applying", record.state)
    assert.equal(0, saved)

    leads = true
    assert.is_true(journal.set(record, "active"))
    assert.equal(1, saved)
  end)


  it("is not the same lead once it was lost between", function()
    leads = false
    lease.renew()
    leads, new = true, true
    lease.renew()
    assert.is_nil(journal.set(journal.get("i-1"), "active"))
    assert.equal(0, saved)
  end)


  it("is needed to change what the Admin API has, and not to read it", function()
    leads = false
    assert.equal(200, http.request({ url = "http://a" }, "GET", "/config"))
    local status, err, passes = http.request({ url = "http://a" }, "POST", "/config", {})
    assert.is_nil(status)
    assert.matches("another worker leads", err)
    assert.is_true(passes)
    assert.same({ "GET" }, sent)
  end)
end)
