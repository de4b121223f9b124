-- Writes that may land yet, as the journal has them, by a clock that is a number.


local MODULE = "kong.plugins.threat-agent."


describe("a write that may land yet", function()
  local unsettled, records, saved, now, kept, is_full
  local former_time = _G.ngx and _G.ngx.time

  -- As a leader comes to know of it: it has only what the former one wrote down.
  local function lead()
    local stubs = {
      ["admin.reach"] = { UNANSWERED = "unanswered", LANDS_S = 60 },
      ["agent.journal"] = {
        all = function() return records end,
        save = function()
          saved = saved + 1
          return true
        end,
      },
      files = {
        SWEEP = "sweep",
        save = function(name, text)
          if is_full then
            return nil, "the disk is full"
          end
          kept[name] = text
          return true
        end,
        load = function(name) return kept[name] end,
        remove = function(name) kept[name] = nil end,
      },
    }
    for name, stub in pairs(stubs) do
      package.loaded[MODULE .. name] = stub
    end
    unsettled = dofile("lua/kong/plugins/threat-agent/agent/unsettled.lua")
    for name in pairs(stubs) do
      package.loaded[MODULE .. name] = nil
    end
    unsettled.take_over()
  end

  before_each(function()
    _G.ngx = _G.ngx or {}
    _G.ngx.time = function() return now end
    records, saved, now = { { id = "a" }, { id = "b" }, { id = "c" } }, 0, 1000
    kept, is_full = {}, false
    lead()
  end)

  after_each(function()
    _G.ngx.time = former_time
  end)


  local function held_up()
    local found = {}
    for _, record in ipairs(records) do
      found[#found + 1] = unsettled.may_undo(record) and record.id or nil
    end
    return table.concat(found, " ")
  end


  it("is written down before it is asked for, and holds up all others of the next leader for a minute", function()
    assert.is_true(unsettled.begin(records[1]))
    assert.equal(1, saved)
    lead()
    assert.equal("b c", held_up())
    assert.is_true(unsettled.may_land(records[1]))
    now = now + 60
    assert.equal("", held_up())
    assert.is_false(unsettled.may_land(records[1]))
  end)


  it("is none once it was answered", function()
    for _, undoes in ipairs({ false, true }) do
      unsettled.begin(records[1], undoes)
      unsettled.finish(records[1], false)
      lead()
      assert.equal("", held_up())
    end
  end)


  it("that takes a record back holds up the others and not its end", function()
    unsettled.begin(records[1], true)
    lead()
    assert.equal("b c", held_up())
    assert.is_false(unsettled.may_land(records[1]))

    unsettled.begin(records[2], true)
    unsettled.finish(records[2], "unanswered")
    lead()
    assert.equal("a b c", held_up())
    now = now + 60
    assert.equal("", held_up())
  end)


  it("is known to each leader after, also where it was its own that got no answer", function()
    unsettled.begin(records[1])
    lead()
    lead()
    assert.equal("b c", held_up())

    now = now + 60
    unsettled.begin(records[2])
    unsettled.finish(records[2], "unanswered")
    assert.equal("", held_up())
    lead()
    assert.equal("a c", held_up())
  end)


  it("is one, too, that takes back what a lost node did", function()
    assert.is_true(unsettled.begin_sweep())
    lead()
    assert.is_true(unsettled.may_undo())
    assert.equal("a b c", held_up())
    now = now + 60
    assert.is_false(unsettled.may_undo())

    -- One that was answered after one that was not hides that from nobody.
    for _, passes in ipairs({ "unanswered", false }) do
      unsettled.begin_sweep()
      unsettled.finish_sweep(passes)
    end
    lead()
    assert.equal("a b c", held_up())

    now = now + 60
    unsettled.begin_sweep()
    unsettled.finish_sweep(false)
    lead()
    assert.equal("", held_up())

    is_full = true
    assert.same({ nil, "the disk is full" }, { unsettled.begin_sweep() })
  end)


  it("holds up every other where there are several", function()
    unsettled.begin(records[1])
    lead()
    now = now + 10
    unsettled.begin(records[1])
    unsettled.finish(records[1], false)
    unsettled.begin(records[3])
    lead()
    assert.equal("a b c", held_up())
    now = now + 50
    assert.equal("a b", held_up())
  end)
end)
