-- The agent's loop, with timers that are coroutines and parts that are tables.


local MODULE = "kong.plugins.threat-agent."
local FOLDER = "lua/kong/plugins/threat-agent/"


describe("the agent's loop", function()
  local beat, timers, now, done, hangs, raises, leads, lease, logged, is_new, is_banned, published
  local unsaved, taken
  local former, former_kong = {}, _G.kong

  -- A part of the agent's work: it notes that it was called, and hangs or raises where it is to.
  local function part(name)
    return function()
      done[#done + 1] = name
      if raises[name] then
        error(name .. " raised", 0)
      end
      while hangs[name] do
        coroutine.yield()
      end
      return true
    end
  end


  before_each(function()
    _G.ngx = _G.ngx or {}
    for _, name in ipairs({ "now", "time", "timer", "worker" }) do
      former[name] = _G.ngx[name] or false
    end
    now, timers, done, hangs, raises, logged, leads, is_new, is_banned = 1000, {}, {}, {}, {}, {}, 0, false, false
    published, unsaved, taken = {}, nil, {}
    _G.ngx.now = function() return now end
    _G.ngx.time = _G.ngx.now
    _G.ngx.worker = { id = function() return 0 end, exiting = function() return false end }
    _G.ngx.timer = {
      every = function(_, fn)
        beat = fn
        return true
      end,
      at = function(_, fn)
        timers[#timers + 1] = coroutine.create(function() fn(false) end)
        return true
      end,
    }
    _G.kong = { log = { err = function(err) logged[#logged + 1] = err end, notice = function() end } }
    lease = {
      renew = function()
        leads = leads + 1
        return true
      end,
      holds = function() return not is_new end,
      take_over = function(open)
        local ok, err = pcall(open)
        is_new = not ok
        return ok or nil, err
      end,
    }
    local stubs = {
      ["agent.assessor"] = { open = part("open assessor"), beat = part("assess"), take_in = part("ask") },
      ["agent.changes"] = { open = part("open changes"), follow = part("follow"), start = function() end },
      ["agent.drifts"] = { open = part("open drifts"), beat = part("drifts") },
      ["agent.last_conf"] = { recall = function() end, keep = part("keep") },
      ["agent.notices"] = { open = part("open notices"), beat = part("notices"), take_in = function(incident)
                               taken[#taken + 1] = incident
                               return part("tell")()
                             end },
      ["agent.responder"] = { open = part("open responder"), beat = part("beat"), reach_out = part("reach out"),
                              take_in = part("respond") },
      ["agent.sweeper"] = { sweep = part("sweep") },
      files = { BANS = "bans", LEARNED = "learned", PROFILES = "profiles", load = function() end,
                save = function(name)
                  done[#done + 1] = "save " .. name
                  return not unsaved or nil, unsaved
                end },
      incidents = {
        next = function(cursor)
          return published[cursor + 1], cursor + 1
        end,
      },
      lease = lease,
      region = { bans_snapshot = function() return "", "as it was read" end,
                 keep_bans = function(about) is_banned = about ~= "as it was read" end,
                 has_new_bans = function() return is_banned end,
                 export_learned = function() return "" end, export_profiles = function() return "" end },
      settings = { look_up = function() end, last = function() return {} end, platform = function() end },
      tally = { flush = part("flush") },
      traffic_history = { note = function() return true end },
    }
    for name, stub in pairs(stubs) do
      package.loaded[MODULE .. name] = stub
    end
    dofile(FOLDER .. "agent/init.lua").start()
    for name in pairs(stubs) do
      package.loaded[MODULE .. name] = nil
    end
  end)

  after_each(function()
    _G.kong = former_kong
    for name, value in pairs(former) do
      _G.ngx[name] = value or nil
    end
  end)


  -- Lets seconds go by, each with a beat, and with all timers run as far as they go.
  local function pass(seconds)
    for _ = 1, seconds do
      now = now + 1
      beat(false)
      local i = 1
      while timers[i] do
        coroutine.resume(timers[i])
        i = i + 1
      end
      for n = #timers, 1, -1 do
        if coroutine.status(timers[n]) == "dead" then
          table.remove(timers, n)
        end
      end
    end
  end


  local function count(name)
    local number = 0
    for _, one in ipairs(done) do
      number = number + (one == name and 1 or 0)
    end

    return number
  end


  it("goes on each second while something waits for the Admin API", function()
    hangs["reach out"] = true
    pass(30)
    assert.equal(30, count("beat"))
    assert.equal(30, count("notices"))
    assert.equal(1, count("reach out"))
    assert.equal(30, leads)

    hangs["reach out"] = nil
    pass(3)
    assert.equal(1 + 3, count("reach out"))
  end)


  it("leaves the lead to another worker when the work itself hangs, and comes back", function()
    hangs.notices = true
    pass(100)
    assert.equal(61, leads)
    assert.equal(1, count("beat"))
    assert.matches("another worker is to lead", logged[1])
    assert.equal(1, #logged)

    hangs.notices = nil
    pass(2)
    assert.is_true(leads > 61)
  end)


  it("does all else when one part of its work fails", function()
    local parts = { "flush", "follow", "keep", "beat", "reach out", "sweep", "assess", "notices", "drifts" }
    for _, name in ipairs(parts) do
      raises[name] = true
    end
    pass(20)
    for _, name in ipairs(parts) do
      assert.equal(20, count(name), name)
    end
    assert.equal(20, leads)
    assert.equal(2, count("save bans"))
  end)


  it("hands each incident once to all who are to know of it, and again to whom it raised, until that is done", function()
    published = { { id = "a", status = "open", title = "A" }, { id = "b", status = "open", title = "B" } }
    raises.tell = true
    pass(5)
    assert.equal(2, count("respond"))
    assert.equal(2 * 5, count("tell"))
    assert.equal(2, count("ask"))
    assert.equal(5, count("beat"))
    assert.same({ "tell raised" }, logged)

    -- What came of one meanwhile is handed over in its place.
    published[3] = { id = "a", status = "resolved", title = "A", resolved_s = now }
    pass(1)
    assert.equal(2 * 5 + 3, count("tell"))
    raises.tell = nil
    pass(5)
    assert.equal(2 * 5 + 3 + 2, count("tell"))
    assert.equal(published[3], taken[#taken - 1].id == "a" and taken[#taken - 1] or taken[#taken])
  end)


  it("hands over again for an hour what is over", function()
    published = { { id = "a", status = "resolved", title = "A", resolved_s = now } }
    raises.tell = true
    pass(3600)
    assert.equal(3600, count("tell"))
    pass(10)
    assert.equal(3601, count("tell"))
  end)


  it("says what goes on failing once an hour", function()
    raises.notices = true
    pass(3000)
    assert.same({ "notices raised" }, logged)
    pass(1000)
    assert.same({ "notices raised", "notices raised" }, logged)
  end)


  it("keeps bans at once when one was set or lifted, and every ten seconds", function()
    pass(1)
    assert.equal(1, count("save bans"))
    pass(9)
    assert.equal(1, count("save bans"))
    pass(1)
    assert.equal(2, count("save bans"))
    is_banned = true
    pass(2)
    assert.equal(3, count("save bans"))
    assert.equal(2, count("save learned"))
  end)


  it("keeps files as before where the clock was set back", function()
    pass(1)
    now = now - 3600
    pass(20)
    assert.same({ 3, 3, 1 + 1 }, { count("save bans"), count("save learned"), count("save profiles") })
  end)


  it("tries again at once to keep bans that could not be kept, and says so once", function()
    pass(1)
    is_banned, unsaved = true, "the disk is full"
    pass(5)
    assert.equal(1 + 5, count("save bans"))
    assert.same({ "the disk is full" }, logged)
    unsaved = nil
    pass(5)
    assert.equal(1 + 5 + 1, count("save bans"))
  end)


  it("takes a lead anew only when nothing of the last one waits any more", function()
    hangs["reach out"] = true
    pass(1)
    is_new = true
    pass(5)
    assert.equal(0, count("open responder"))
    hangs["reach out"] = nil
    pass(3)
    assert.equal(1, count("open responder"))
    assert.is_false(is_new)
  end)


  it("does nothing before what was done is read, and all else without what cannot be read", function()
    is_new = true
    raises["open responder"], raises["open changes"] = true, true
    pass(5)
    assert.equal(5, count("open responder"))
    assert.equal(0, count("beat"))

    raises["open responder"] = nil
    pass(2)
    assert.equal(1, count("open assessor"))
    assert.equal(1, count("beat"))
    assert.same({ "open responder raised", "open changes raised" }, logged)
  end)
end)
