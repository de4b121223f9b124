-- What waits for the leader, operators' in a folder of its own, data planes' in a dictionary that is a table: operators
-- first, data planes some at a time.


local MODULE = "kong.plugins.threat-agent."
local FOLDER = "lua/kong/plugins/threat-agent/"


describe("what the leader is asked", function()
  local load, commands, orders, now, done, values, leads, folder, dying, records
  local former_kong, former_ngx = _G.kong, {}

  before_each(function()
    _G.ngx = _G.ngx or {}
    for _, name in ipairs({ "now", "shared", "sleep", "update_time", "worker", "config" }) do
      former_ngx[name] = _G.ngx[name]
    end
    now, done, values, leads = 1000, {}, {}, true
    dying, records = nil, {}
    local lists = {}
    folder = os.tmpname()
    os.remove(folder)
    os.execute("mkdir -p " .. folder .. "/threat-agent")
    _G.ngx.worker = { pid = function() return 7 end }
    _G.ngx.config = { prefix = function() return folder .. "/" end }
    _G.ngx.now = function() return now end
    _G.ngx.update_time = function() end
    _G.ngx.sleep = function(seconds) now = now + seconds end
    _G.ngx.shared = { kong = {
      llen = function(_, key) return lists[key] and #lists[key] or 0 end,
      rpush = function(_, key, item)
        lists[key] = lists[key] or {}
        table.insert(lists[key], item)
        return #lists[key]
      end,
      lpop = function(_, key) return lists[key] and table.remove(lists[key], 1) end,
      set = function(_, key, value) values[key] = value end,
      get = function(_, key) return values[key] end,
      delete = function(_, key) values[key] = nil end,
    } }
    _G.kong = { log = { err = function() end, notice = function() end, alert = function() end } }

    load()
  end)

  after_each(function()
    os.execute("rm -rf " .. folder)
    _G.kong = former_kong
    for name, value in pairs(former_ngx) do
      _G.ngx[name] = value
    end
  end)


  -- A worker that may lead.
  function load()
    package.loaded[MODULE .. "files"] = dofile(FOLDER .. "files.lua")
    commands = dofile(FOLDER .. "commands.lua")
    local stubs = {
      commands = commands,
      lease = { holds = function() return leads end },
      ["agent.delegated"] = {
        obey = function(question) done[#done + 1] = question.asked end,
      },
      ["agent.gate"] = {
        unkill = function()
          done[#done + 1] = "unkill"
          if dying then
            coroutine.yield()
          end
        end,
      },
      ["agent.journal"] = { get = function() end, all = function() return records end },
      ["agent.life"] = {
        note = function() end,
        stop = function(record) done[#done + 1] = "stop " .. record.id end,
      },
      ["agent.operator"] = { acquit = function() end },
      ["agent.trainer"] = { take_in = function() return true end, record_of = function() end },
      actions = {}, effect = {},
    }
    for name, stub in pairs(stubs) do
      package.loaded[MODULE .. name] = stub
    end
    orders = dofile(FOLDER .. "agent/orders.lua")
    for name in pairs(stubs) do
      package.loaded[MODULE .. name] = nil
    end
    package.loaded[MODULE .. "files"] = nil
  end


  -- Asks as a worker does that waits no longer; the question stays.
  local function ask(what)
    local at = now
    local _, err = commands.ask(what, "nonce-" .. what)
    now = at
    return err
  end


  it("is an operator's command first, however much data planes ask", function()
    for n = 1, 20 do
      assert.matches("does not answer", ask("question-" .. n))
    end
    assert.matches("too many", ask("one more"))
    assert.is_true(commands.send({ command = "unkill", by = "ann" }))

    orders.obey({})
    assert.same({ "unkill" }, done)
    orders.answer({})
    assert.equal(11, #done)
    assert.equal("question-10", done[11])
    orders.answer({})
    assert.equal(21, #done)
  end)


  it("is left to who leads by now", function()
    ask("question")
    commands.send({ command = "unkill", by = "ann" })
    leads = false
    orders.obey({})
    orders.answer({})
    assert.same({}, done)

    leads = true
    orders.obey({})
    orders.answer({})
    assert.same({ "unkill", "question" }, done)
  end)


  it("is done by the next leader where one was killed over it, once, and in the order of time", function()
    for _, command in ipairs({ "unkill", "odd" }) do
      assert.is_true(commands.send({ command = command, by = "ann" }))
    end
    dying = true
    coroutine.wrap(function() orders.obey({}) end)()
    assert.same({ "unkill" }, done)
    dying = false
    load()
    orders.obey({})
    assert.same({ "unkill", "unkill" }, done)
    load()
    orders.obey({})
    assert.equal(2, #done)
    assert.equal("", io.popen("ls " .. folder .. "/threat-agent"):read("*a"))
  end)


  it("may be to take back what was done about a false alarm, also before the clock was set back", function()
    local function record(id, opened_s, created_s)
      records[#records + 1] = { id = id, incident = "i", state = "active", opened_s = opened_s, created_s = created_s }
    end
    record("another's of that number", 100, 150)
    record("at once", 900, 900)
    record("after the clock was set back", 900, 300)
    commands.send({ command = "feedback", verdict = "false_alarm", incident = "i", opened_s = 900, by = "ann" })
    orders.obey({})
    assert.same({ "stop at once", "stop after the clock was set back" }, done)
  end)


  it("waits in no endless number, and is refused where it cannot be kept", function()
    for _ = 1, 100 do
      assert.is_true(commands.send({ command = "unkill", by = "ann" }))
    end
    assert.equal("too many commands wait already", (select(2, commands.send({ command = "unkill", by = "ann" }))))
    orders.obey({})
    assert.equal(100, #done)
    os.execute("rm -r " .. folder .. "/threat-agent")
    assert.matches("could not read the node's folder", (select(2, commands.send({ command = "unkill", by = "ann" }))))
    orders.obey({})
  end)


  it("is left undone where nobody waits for it any more", function()
    ask("late")
    now = now + 4
    ask("in time")
    orders.answer({})
    assert.same({ "in time" }, done)
  end)


  it("is waited for no longer where the clock is set back meanwhile", function()
    local sleep, naps = _G.ngx.sleep, 0
    _G.ngx.sleep = function(seconds)
      naps = naps + 1
      sleep(naps == 10 and -3600 or seconds)
    end
    local _, err = commands.ask("question", "nonce")
    assert.matches("does not answer", err)
    assert.equal(10, naps)
  end)


  it("is answered to whoever asked", function()
    local sleep = _G.ngx.sleep
    _G.ngx.sleep = function(seconds)
      sleep(seconds)
      commands.answer("nonce-here", { state = "active" })
    end
    assert.same({ state = "active" }, commands.ask("here", "nonce-here"))
  end)
end)
