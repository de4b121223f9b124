-- What the journal keeps of actions that have ended.


local MODULE = "kong.plugins.threat-agent."


describe("the journal", function()
  local journal, now, text
  local former_time = _G.ngx and _G.ngx.time

  before_each(function()
    now = 100000
    _G.ngx = _G.ngx or {}
    _G.ngx.time = function() return now end
    local stubs = {
      files = { ACTIONS = "actions.json", save = function() return true end, load = function() return text end },
      lease = { holds = function() return true end },
    }
    for name, stub in pairs(stubs) do
      package.loaded[MODULE .. name] = stub
    end
    package.loaded[MODULE .. "vocabulary"] = dofile("lua/kong/plugins/threat-agent/vocabulary.lua")
    journal = dofile("lua/kong/plugins/threat-agent/agent/journal.lua")
    package.loaded[MODULE .. "vocabulary"] = nil
    for name in pairs(stubs) do
      package.loaded[MODULE .. name] = nil
    end
  end)

  after_each(function()
    _G.ngx.time = former_time
  end)


  it("forgets the oldest of those that have ended, and none that a budget of an hour counts", function()
    for n = 1, 300 do
      journal.set({ id = "old-" .. n, applied_s = now - 3600 }, "expired")
    end
    assert.equal(200, #journal.all())
    for n = 1, 300 do
      journal.set({ id = "new-" .. n, applied_s = now - 10 }, "expired")
    end
    journal.set({ id = "refused" }, "refused")
    assert.is_nil(journal.get("old-1"))
    assert.is_not_nil(journal.get("new-1"))
    assert.is_not_nil(journal.get("new-300"))

    now = now + 3600
    journal.set({ id = "last" }, "refused")
    assert.equal(200, #journal.all())
    assert.is_not_nil(journal.get("last"))
  end)


  it("knows what an action changed lately, and what one is at that has waited for long", function()
    local function begun(state)
      local record = { id = state, applied_s = now, changes = { { id = "entity-" .. state } } }
      journal.set(record, state)
    end
    for _, state in ipairs({ "applying", "reverting", "active", "expired" }) do
      begun(state)
      assert.is_true(journal.has_changed("entity-" .. state))
    end

    now = now + 600
    assert.is_true(journal.has_changed("entity-applying"))
    assert.is_true(journal.has_changed("entity-reverting"))
    assert.is_false(journal.has_changed("entity-active"))
    assert.is_false(journal.has_changed("entity-expired"))
  end)


  it("takes up what can be read of its file, and says that something cannot", function()
    text = nil
    assert.is_true(journal.load())
    text = '[{"id":"a","state":"active","changes":[],"place":{}}]'
    assert.is_true(journal.load())
    assert.equal("active", journal.get("a").state)

    for _, odd in ipairs({ "5", "null", "[]", "{}", '{"id":"b","state":"active","changes":[]}',
                           '{"id":"b","state":"active","place":{}}', '{"state":"active","changes":[],"place":{}}',
                           '{"id":"b","state":null,"changes":[],"place":{}}' }) do
      text = '[{"id":"a","state":"active","changes":[],"place":{}},' .. odd .. ',{"id":"c","state":"active","changes":[],"place":{}}]'
      local ok, err = journal.load()
      assert.is_nil(ok)
      assert.matches("could not read actions.json: 1 of it is no action", err)
      assert.equal(2, #journal.all())
      assert.is_not_nil(journal.get("c"))
    end
    for _, other in ipairs({ "5", "no JSON", '"text"' }) do
      text = other
      assert.is_nil((journal.load()))
      assert.same({}, journal.all())
    end
  end)
end)
