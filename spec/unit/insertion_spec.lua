-- A value among those of somebody's list, on an Admin API that is a table.


describe("an insertion", function()
  local insertion, entity, client, answer
  local CHANGE = { op = "insert", kind = "plugins", id = "p", option = "access", value = "ours" }

  before_each(function()
    insertion = dofile("lua/kong/plugins/threat-agent/agent/insertion.lua")
    entity, answer = { config = { access = { "theirs" }, log = { "other" } } }, nil
    client = {
      get = function()
        if answer then
          return answer[1], answer[2], answer[3]
        end
        return entity
      end,
      patch = function(_, _, _, fields)
        entity.config.access = fields.config.access
        return entity
      end,
    }
  end)


  it("adds its value once and takes that away, and nothing else", function()
    for _ = 1, 2 do
      assert.is_true(insertion.apply(CHANGE, client))
    end
    assert.same({ "theirs", "ours" }, entity.config.access)
    assert.is_true(insertion.stands(CHANGE, client))

    -- What somebody else does beside it stays.
    table.insert(entity.config.access, 1, "new")
    for _ = 1, 2 do
      assert.is_true(insertion.revert(CHANGE, client))
    end
    assert.same({ "new", "theirs" }, entity.config.access)
    assert.is_false(insertion.stands(CHANGE, client))
  end)


  it("leaves an empty list behind where there was none", function()
    entity.config.access = nil
    assert.is_true(insertion.apply(CHANGE, client))
    assert.is_true(insertion.revert(CHANGE, client))
    assert.same({}, entity.config.access)
  end)


  it("has ended where its plugin is gone, and waits where that cannot be said", function()
    answer = { false }
    assert.is_nil((insertion.apply(CHANGE, client)))
    assert.is_true(insertion.revert(CHANGE, client))
    answer = { nil, "away", true }
    assert.same({ nil, "away", true }, { insertion.revert(CHANGE, client) })
    assert.is_nil((insertion.stands(CHANGE, client)))
  end)
end)
