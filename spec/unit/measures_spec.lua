-- What stands on a sender where several actions put something there, on a region that is a table.


local MODULE = "kong.plugins.threat-agent."


describe("a measure", function()
  local measures, records, slots, now, failure
  local former_time = _G.ngx and _G.ngx.time

  -- As the region has it: the longer one of a kind stays.
  local function slot_of(ban)
    return table.concat({ ban.workspace, ban.by, ban.client_ip, ban.scope, ban.scope == "route" and ban.route or "",
                          ban.measure }, "/")
  end

  before_each(function()
    records, slots, now, failure = {}, {}, 1000, nil
    _G.ngx = _G.ngx or {}
    _G.ngx.time = function() return now end
    local stubs = {
      ["agent.journal"] = { all = function() return records end },
      region = {
        ban = function(ban)
          local stands = slots[slot_of(ban)]
          if not stands or stands.until_s < now + ban.ttl_s then
            slots[slot_of(ban)] = { until_s = now + ban.ttl_s, limit = ban.limit }
          end
          return true
        end,
        ban_left_s = function(ban)
          local stands = slots[slot_of(ban)]
          if failure then
            return nil, failure
          end
          return stands and stands.limit == ban.limit and math.max(0, stands.until_s - now) or 0
        end,
        lift_ban = function(ban)
          slots[slot_of(ban)] = nil
          return true
        end,
      },
    }
    for name, stub in pairs(stubs) do
      package.loaded[MODULE .. name] = stub
    end
    package.loaded[MODULE .. "vocabulary"] = dofile("lua/kong/plugins/threat-agent/vocabulary.lua")
    measures = dofile("lua/kong/plugins/threat-agent/agent/measures.lua")
    package.loaded[MODULE .. "vocabulary"] = nil
    for name in pairs(stubs) do
      package.loaded[MODULE .. name] = nil
    end
  end)

  after_each(function()
    _G.ngx.time = former_time
  end)


  local function act(fields)
    local ban = { workspace = "w", by = "client_ip", client_ip = "192.0.2.1", scope = "route", route = "r",
                  service = "s", measure = "refuse", ttl_s = 600 }
    for name, value in pairs(fields or {}) do
      ban[name] = value
    end
    local record = { state = "active", changes = { { op = "ban", ban = ban } }, expires_s = now + ban.ttl_s }
    records[#records + 1] = record
    assert.is_true(measures.put(ban))
    return record
  end

  local function end_of(record)
    record.state = "reverting"
    assert.is_true(measures.lift(record.changes[1].ban))
    record.state = "expired"
  end

  local function stands(measure)
    return slots["w/client_ip/192.0.2.1/route/r/" .. measure]
  end


  it("of a longer action stands when that of a shorter one ends, and goes with it", function()
    local long = act({ ttl_s = 86400 })
    local short = act({ ttl_s = 600 })
    now = now + 600
    end_of(short)
    assert.equal(1000 + 86400, stands("refuse").until_s)

    end_of(long)
    assert.is_nil(stands("refuse"))
  end)


  it("that is the stricter limit holds as long as its action stands", function()
    act({ measure = "limit", limit = 100, window_s = 60, ttl_s = 3600 })
    local strict = act({ measure = "limit", limit = 1, window_s = 10, ttl_s = 60 })
    assert.same({ limit = 1, until_s = 1060 }, stands("limit"))
    act({ measure = "limit", limit = 600, window_s = 60, ttl_s = 7200 })
    assert.equal(1, stands("limit").limit)

    now = now + 60
    end_of(strict)
    assert.same({ limit = 100, until_s = 4600 }, stands("limit"))
  end)


  it("of another sender, place or kind is another", function()
    local ban = act()
    for _, other in ipairs({ { client_ip = "192.0.2.2" }, { route = "q" }, { scope = "global" }, { measure = "allow" },
                             { workspace = "v" } }) do
      act(other)
    end
    end_of(ban)
    assert.is_nil(stands("refuse"))
    assert.is_not_nil(stands("allow"))
  end)


  it("is not put again by an action that has ended or whose time is over", function()
    act({ ttl_s = 10 })
    act({ ttl_s = 3600 }).state = "reverted"
    local last = act({ ttl_s = 20 })
    now = now + 20
    end_of(last)
    assert.is_nil(stands("refuse"))
  end)


  it("that is lost is put back for the rest of its time", function()
    local record = act({ ttl_s = 600 })
    assert.equal(0, measures.mend(record))
    slots, now = {}, now + 100
    assert.equal(1, measures.mend(record))
    assert.equal(1600, stands("refuse").until_s)
    assert.equal(0, measures.mend(record))

    -- What the engine itself put there is over sooner.
    slots["w/client_ip/192.0.2.1/route/r/refuse"] = { until_s = now + 60 }
    assert.equal(1, measures.mend(record))
    assert.equal(1600, stands("refuse").until_s)
  end)


  it("that is lost counts as lost where none of those that were put there stands", function()
    local lenient = act({ measure = "limit", limit = 100, window_s = 60, ttl_s = 3600 })
    local strict = act({ measure = "limit", limit = 1, window_s = 10, ttl_s = 60 })
    assert.equal(0, measures.mend(lenient))
    assert.equal(1, stands("limit").limit)

    -- A breaker's phase of before.
    slots = { ["w/client_ip/192.0.2.1/route/r/limit"] = { until_s = 9000, limit = 0 } }
    assert.equal(1, measures.mend(lenient))
    assert.equal(0, measures.mend(strict))
    assert.same({ limit = 1, until_s = 1060 }, stands("limit"))
  end)


  it("that cannot be looked for is none that was lost", function()
    local record = act()
    failure = "the library says no"
    assert.same({ nil, "the library says no" }, { measures.mend(record) })
  end)
end)
