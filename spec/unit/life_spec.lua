-- An action from its plan to its end, on an Admin API that is a table and fails as it is told to.


local cjson = require "cjson.safe"


local MODULE = "kong.plugins.threat-agent."
local FOLDER = "lua/kong/plugins/threat-agent/"


-- Modules of the plugin that are loaded as they are, in this order.
local REAL = {
  "vocabulary", "entities", "agent.failing", "agent.journal", "agent.measures", "agent.operations", "agent.unsettled", "agent.carrier",
  "agent.watch", "agent.life", "agent.follower",
}


describe("an action", function()
  local life, follower, unsettled, entities, now, failing, asked, killed, logged, conf, verdict, banned_until_s, no_client
  local ledger, unreadable, counted, is_full, leads
  local former_kong, former_time

  -- An Admin API. failing: method → { error, whether it may pass }, or what is called with what is asked.
  local function fails(method, kind, id)
    asked[#asked + 1] = method .. " " .. kind .. "/" .. id
    local failure = failing[method]
    if type(failure) == "function" then
      failure = failure(kind, id)
    end

    return failure
  end


  local function copy_of(entity)
    return cjson.decode(cjson.encode(entity))
  end


  local client = { tier = "admin_api", settings = { calls = {} } }

  function client.looker()
    return client
  end

  function client.get(_, kind, id)
    local failure = fails("GET", kind, id)
    if failure then
      return nil, unpack(failure)
    end

    return entities[id] and copy_of(entities[id]) or false
  end

  function client.put(_, kind, id, entity)
    local failure = fails("PUT", kind, id)
    if failure then
      return nil, unpack(failure)
    end
    entities[id] = copy_of(entity)
    return true
  end

  function client.patch(_, kind, id, fields)
    local failure = fails("PATCH", kind, id)
    if failure then
      return nil, unpack(failure)
    end
    for name, value in pairs(fields) do
      entities[id][name] = value
    end
    return true
  end

  function client.delete(_, kind, id)
    local failure = fails("DELETE", kind, id)
    if failure then
      return nil, unpack(failure)
    end
    entities[id] = nil
    return true
  end


  before_each(function()
    _G.ngx = _G.ngx or { null = cjson.null }
    former_kong, former_time = _G.kong, _G.ngx.time
    now, failing, asked, killed, logged = 1000, {}, {}, false, {}
    verdict, no_client, ledger, unreadable = "improved", nil, {}, nil
    counted, is_full, leads = 0, false, true
    entities = { r1 = { port = 80 }, r2 = { port = 80 }, r3 = { port = 80 } }
    _G.ngx.time = function() return now end
    local function log(level)
      return function(...)
        logged[#logged + 1] = level .. ": " .. table.concat({ ... })
      end
    end
    local notice = log("notice")
    _G.kong = { log = {
      err = log("err"), warn = log("warn"),
      notice = function(text, ...)
        -- Of what becomes of each action the ledger tells.
        return text ~= "action " and notice(text, ...)
      end,
    } }

    local stubs = {
      ["actions.usual"] = {},
      admin = {
        client = function()
          if no_client then
            return nil, unpack(no_client)
          end
          return client
        end,
      },
      ["admin.companion"] = {}, ["admin.replica"] = {}, ["admin.reach"] = { UNANSWERED = "unanswered", LANDS_S = 60 },
      ["agent.bequest"] = { leave = function() end, withdraw = function() end },
      ["agent.breaker"] = {}, ["agent.concurrency"] = {},
      ["agent.gate"] = { is_killed = function() return killed end },
      ["agent.ledger"] = { write = function(_, _, why) ledger[#ledger + 1] = why end },
      deck = { render = function() return "" end },
      effect = {
        judged_after_s = function(record) return record.verify_after_s end,
        measure = function() return {} end,
        -- Nobody comes while nothing is known.
        judge = function() return verdict, verdict == "unknown" end,
      },
      files = {
        ACTIONS = "actions.json", load = function() end,
        save = function() return not is_full or nil, "the disk is full" end,
      },
      lease = { holds = function() return leads end },
      region = {
        ban = function(ban)
          banned_until_s = now + ban.ttl_s
          return true
        end,
        ban_left_s = function()
          if unreadable then
            return nil, unreadable
          end
          return math.max(0, banned_until_s - now)
        end,
        lift_ban = function()
          banned_until_s = 0
          return true
        end,
      },
      settings = { asks_companion = function() return false end },
      tally = { add = function() counted = counted + 1 end },
    }
    for name, stub in pairs(stubs) do
      package.loaded[MODULE .. name] = stub
    end
    for _, name in ipairs(REAL) do
      package.loaded[MODULE .. name] = dofile(FOLDER .. name:gsub("%.", "/") .. ".lua")
    end
    life, follower = package.loaded[MODULE .. "agent.life"], package.loaded[MODULE .. "agent.follower"]
    unsettled = package.loaded[MODULE .. "agent.unsettled"]
    for name in pairs(stubs) do
      package.loaded[MODULE .. name] = nil
    end
    for _, name in ipairs(REAL) do
      package.loaded[MODULE .. name] = nil
    end
    conf = { mode = "enforce", response = { admin_api = { writes = "apply" }, ledger_key = cjson.null } }
  end)

  after_each(function()
    _G.kong, _G.ngx.time = former_kong, former_time
  end)


  local function patch(id)
    return { op = "patch", kind = "routes", id = id, before = { port = 80 }, set = { port = 81 } }
  end


  local function record_of(changes, more)
    local record = { id = "i-1", action = "reroute", changes = changes, ttl_s = 600, created_s = now, before = {},
                     place = {} }
    for name, value in pairs(more or {}) do
      record[name] = value
    end

    return record
  end


  local function applied(changes, more)
    local record = record_of(changes, more)
    life.carry_out(record, conf)
    assert.equal("active", record.state)
    return record
  end


  -- Lets seconds go by, one by one as the leader's beats do.
  local function pass(seconds)
    for _ = 1, seconds do
      now = now + 1
      follower.follow(conf, true)
    end
  end


  local function ports()
    return entities.r1.port .. " " .. entities.r2.port .. " " .. entities.r3.port
  end


  describe("is taken back", function()
    for said, failure in pairs({
      ["a refused credential"] = { "the Admin API answered 401", false },
      ["a proxy's 404"] = { "what answered 404 is no Admin API", true },
      ["a value that is refused"] = { "the Admin API answered 400", false },
      ["an outage"] = { "could not reach the Admin API", true },
    }) do
      for _, method in ipairs({ "GET", "PATCH" }) do
        it("after " .. said .. " of " .. method, function()
          local record = applied({ patch("r1") }, { ttl_s = 10 })
          failing[method] = failure
          pass(400)
          assert.equal("reverting", record.state)
          assert.equal(failure[1], record.failure)
          assert.equal(81, entities.r1.port)
          assert.equal(1, #logged)
          -- A person is told of what does not pass by itself.
          assert.matches(failure[2] and "^warn" or "^err", logged[#logged])

          failing = {}
          pass(60)
          assert.equal("expired", record.state)
          assert.equal(80, entities.r1.port)
        end)
      end
    end


    it("in all its parts but what somebody else has changed", function()
      local record = applied({ patch("r1"), patch("r2"), patch("r3") }, { ttl_s = 10 })
      entities.r2.port = 99
      pass(10)
      assert.equal("conflict", record.state)
      assert.matches("routes/r2 was changed by someone else", record.why)
      assert.equal("80 99 80", ports())
    end)


    it("in all its parts but what cannot be now, and that later", function()
      local record = applied({ patch("r1"), patch("r2"), patch("r3") }, { ttl_s = 10 })
      failing.PATCH = function(_, id)
        return id == "r2" and { "the Admin API answered 403", false }
      end
      pass(10)
      assert.equal("reverting", record.state)
      assert.equal("80 81 80", ports())
      failing = {}
      pass(60)
      assert.equal("expired", record.state)
      assert.equal("80 80 80", ports())
    end)
  end)


  describe("in a workspace that is gone", function()
    local gone = { "the workspace w is gone", false, true }

    it("ends in its time, and says why", function()
      local record = applied({ patch("r1") }, { ttl_s = 10 })
      no_client = gone
      pass(9)
      assert.equal("active", record.state)
      pass(1)
      assert.equal("conflict", record.state)
      assert.equal(gone[1], record.why)
    end)

    it("ends where it was not applied yet, or is being taken back", function()
      local record = record_of({ patch("r1") })
      no_client = gone
      life.carry_out(record, conf)
      assert.equal("conflict", record.state)
      assert.equal(gone[1], record.why)

      no_client = nil
      record = applied({ patch("r2") }, { id = "i-2", ttl_s = 10 })
      failing.PATCH = { "away", true }
      pass(10)
      assert.equal("reverting", record.state)
      no_client = gone
      pass(60)
      assert.equal("conflict", record.state)
    end)

    it("goes on where that is not known for sure", function()
      local record = applied({ patch("r1") }, { ttl_s = 10 })
      no_client = { "the workspace w is not known here", true }
      pass(400)
      assert.equal("reverting", record.state)
      no_client = nil
      pass(60)
      assert.equal("expired", record.state)
      assert.equal("80 80 80", ports())
    end)
  end)


  describe("that fails", function()
    local refused = { "the Admin API answered 401", false }

    it("leaves nothing of what was written before", function()
      local record = record_of({ patch("r1"), patch("r2"), patch("r3") })
      failing.PATCH = function(_, id)
        failing.GET = id == "r3" and refused or nil
        return id == "r3" and refused
      end
      life.carry_out(record, conf)
      assert.equal("reverting", record.state)
      assert.equal("81 81 80", ports())

      failing = {}
      pass(60)
      assert.equal("failed", record.state)
      assert.equal(refused[1], record.why)
      assert.equal("80 80 80", ports())
    end)


    it("leaves nothing of what was written without an answer", function()
      local record = record_of({ patch("r1") }, { ttl_s = 10 })
      failing.PATCH = function(_, id)
        entities[id].port = 81
        failing.GET = { "could not reach the Admin API", true }
        return { "timeout", true }
      end
      life.carry_out(record, conf)
      pass(100)
      assert.equal("reverting", record.state)
      failing = {}
      pass(60)
      assert.equal("failed", record.state)
      assert.equal("80 80 80", ports())
    end)
  end)


  describe("that could not be applied in its time", function()
    local away = { "could not reach the Admin API", true }

    it("is not applied for a moment after it", function()
      local record = record_of({ patch("r1") }, { ttl_s = 10 })
      failing.PATCH = away
      life.carry_out(record, conf)
      -- As long as its node is down.
      now = now + 3600
      failing = {}
      asked = {}
      pass(1)
      assert.equal("failed", record.state)
      assert.equal(away[1], record.why)
      assert.equal("80 80 80", ports())
      for _, question in ipairs(asked) do
        assert.matches("^GET", question)
      end
    end)

    it("is given up within an hour where it was to stand for ever", function()
      local record = record_of({ patch("r1") }, { ttl_s = 0 })
      failing.PATCH = away
      life.carry_out(record, conf)
      pass(3500)
      assert.equal("applying", record.state)
      pass(200)
      assert.equal("failed", record.state)
    end)

    it("is not late for a clock that was set back", function()
      local record = record_of({ patch("r1") }, { ttl_s = 10 })
      failing.PATCH = away
      life.carry_out(record, conf)
      now = now - 86400
      pass(2)
      assert.equal("applying", record.state)
      pass(70)
      assert.equal("failed", record.state)
    end)
  end)


  describe("that was approved", function()
    local function approved(changes, more)
      local record = record_of(changes, more)
      life.move(record, "pending", conf)
      record.approved_by = "ann"
      life.start(record, conf)
      return record
    end

    it("does not take for its own what somebody did while it waited", function()
      entities.r1.port = 81
      local record = approved({ patch("r1") })
      pass(1)
      assert.equal("refused", record.state)
      assert.equal("somebody has done it already", record.why)

      record = approved({ patch("r1"), patch("r2") }, { id = "i-2" })
      pass(1)
      assert.equal("active", record.state)
      pass(600)
      assert.equal("expired", record.state)
      assert.equal("81 80 80", ports())
    end)

    it("takes for its own what it wrote before a crash", function()
      local record = approved({ patch("r1"), patch("r2") })
      failing.PATCH = function(_, id)
        return id == "r2" and { "could not reach the Admin API", true }
      end
      pass(1)
      failing = {}
      pass(5)
      assert.equal("active", record.state)
      pass(600)
      assert.equal("80 80 80", ports())
    end)

    it("waits where that cannot be looked at, and may be stopped meanwhile", function()
      local record = approved({ patch("r1") })
      failing.GET = { "away", true }
      pass(3)
      assert.equal("applying", record.state)
      failing.GET = function()
        if record.state == "applying" then
          life.stop(record, conf, "reverted", "the kill switch is on")
        end
      end
      pass(5)
      assert.equal("reverted", record.state)
      assert.equal("80 80 80", ports())
    end)
  end)


  describe("that is to stand for ever", function()
    local for_ever = { action = "rollback", ttl_s = 0, verify_after_s = 30 }

    it("is kept once it has helped, whatever is switched off later, and ends by hand", function()
      local record = applied({ patch("r1") }, for_ever)
      pass(30)
      assert.equal("kept", record.state)
      assert.equal("verified: improved", record.why)
      killed = true
      pass(100)
      killed, conf.mode = false, "monitor"
      pass(100)
      assert.equal("kept", record.state)
      assert.equal("81 80 80", ports())

      life.revert(record, conf, "reverted", "asked for")
      assert.equal("reverted", record.state)
      assert.equal("80 80 80", ports())
    end)


    it("is taken back where it did not help, or is to stop before that is known", function()
      verdict = "none"
      local record = applied({ patch("r1") }, for_ever)
      pass(30)
      assert.equal("reverted", record.state)

      verdict, record = "improved", applied({ patch("r2") }, { id = "i-2", ttl_s = 0, verify_after_s = 30 })
      killed = true
      pass(1)
      assert.equal("reverted", record.state)
    end)
  end)


  it("that did harm is taken back once that can be written down", function()
    verdict = "harmful"
    local record = applied({ patch("r1") }, { verify_after_s = 30 })
    is_full = true
    pass(40)
    assert.same({ "active", "81 80 80" }, { record.state, ports() })
    is_full = false
    pass(1)
    assert.same({ "reverted", "80 80 80" }, { record.state, ports() })
    assert.equal("good requests went down with it", record.why)
  end)


  it("is judged as soon as it was to be where the clock is set back", function()
    local record = applied({ patch("r1") }, { verify_after_s = 30 })
    now = now - 3600
    pass(30)
    assert.is_nil(record.result)
    pass(1)
    assert.equal("improved", record.result)
  end)


  it("is judged once somebody comes, and said to wait for that once", function()
    verdict = "unknown"
    local record = applied({ patch("r1") }, { verify_after_s = 30 })
    pass(100)
    assert.same({ "active", "unknown" }, { record.state, record.result })
    assert.same({ "hardly anybody comes, which tells nothing of it" }, { ledger[#ledger], ledger[#ledger - 1] })
    verdict = "harmful"
    pass(30)
    assert.same({ "reverted", "harmful" }, { record.state, record.result })
  end)


  it("says when somebody changed what it made, once, and when it stands again", function()
    local record = applied({ patch("r1"), patch("r2") })
    pass(60)
    assert.is_true(record.stands)
    entities.r2.port = 99
    pass(60)
    assert.is_false(record.stands)
    assert.equal("what it made was changed since", record.why)
    assert.equal("active", record.state)
    entities.r2.port = 81
    record.why = nil
    pass(60)
    assert.is_true(record.stands)
    assert.equal("what it made stands again", record.why)

    -- What cannot be asked now is no answer.
    failing.GET, record.why = { "away", true }, nil
    pass(60)
    assert.is_nil(record.stands)
    assert.is_nil(record.why)
  end)


  it("is looked at once a minute, in a row with all others", function()
    applied({ patch("r1") }, { id = "i-1", verify_after_s = nil })
    pass(30)
    applied({ patch("r2") }, { id = "i-2", verify_after_s = nil })
    pass(120)
    local rounds, at = {}, nil
    for second = 1, 120 do
      asked = {}
      pass(1)
      if asked[1] then
        rounds[#rounds + 1] = table.concat(asked, ", ")
        assert.is_true(at == nil or second - at == 60)
        at = second
      end
    end
    assert.same({ "GET routes/r1, GET routes/r2", "GET routes/r1, GET routes/r2" }, rounds)
  end)


  describe("whose write got no answer", function()
    -- The write is under way, and the answer is lost.
    local function lose()
      failing.PATCH = { "timeout", "unanswered" }
    end


    it("is not over before that cannot land any more", function()
      local record = record_of({ patch("r1") }, { ttl_s = 10 })
      lose()
      life.carry_out(record, conf)
      failing = {}
      pass(12)
      assert.equal("reverting", record.state)
      assert.matches("may land yet", record.failure)
      assert.equal("80 80 80", ports())

      entities.r1.port = 81
      pass(65)
      assert.equal("expired", record.state)
      assert.equal("80 80 80", ports())
    end)


    it("is not over either where it was done by the next try", function()
      local record = record_of({ patch("r1") })
      lose()
      life.carry_out(record, conf)
      failing = {}
      pass(2)
      assert.equal("active", record.state)
      life.revert(record, conf, "reverted", "asked for")
      assert.equal("reverting", record.state)
      entities.r1.port = 81
      pass(65)
      assert.equal("reverted", record.state)
      assert.equal("80 80 80", ports())
    end)


    -- Its leader is killed after it was sent, and another one takes up the journal.
    local function kill(record)
      failing.PATCH = function()
        error("killed", 0)
      end
      assert.has_error(function() life.carry_out(record, conf) end, "killed")
      failing = {}
      unsettled.take_over()
    end


    it("because its leader was killed is not over either before that cannot land any more", function()
      local record = record_of({ patch("r1") })
      kill(record)
      pass(2)
      assert.equal("active", record.state)
      life.revert(record, conf, "reverted", "asked for")
      assert.equal("reverting", record.state)
      entities.r1.port = 81
      pass(65)
      assert.equal("reverted", record.state)
      assert.equal("80 80 80", ports())
    end)


    it("because its leader was killed holds up others where it would land over theirs", function()
      for tier, state in pairs({ dbless = "applying", admin_api = "active" }) do
        client.tier = tier
        local record, other = record_of({ patch("r1") }, { id = tier }), record_of({ patch("r2") }, { id = tier .. "-2" })
        kill(record)
        life.carry_out(other, conf)
        assert.equal(state, other.state)
        -- The same again does no harm.
        life.carry_out(record, conf)
        assert.equal("active", record.state)
        pass(65)
        assert.equal("active", other.state)
        entities.r1.port, entities.r2.port = 80, 80
      end
      client.tier = "admin_api"
    end)


    it("of what takes it back is written again, and that is all", function()
      local record = applied({ patch("r1") }, { ttl_s = 10 })
      lose()
      pass(10)
      failing = {}
      pass(2)
      assert.equal("expired", record.state)
    end)


    it("of what takes it back holds up others of the next leader, whatever became of its other parts", function()
      client.tier = "dbless"
      local record = applied({ patch("r1"), patch("r2") }, { ttl_s = 10 })
      failing.PATCH = function(_, id)
        return { id, id == "r2" and "unanswered" or true }
      end
      pass(10)
      failing = {}
      pass(2)
      assert.equal("expired", record.state)
      unsettled.take_over()
      local other = record_of({ patch("r3") }, { id = "i-2" })
      life.carry_out(other, conf)
      assert.equal("applying", other.state)
      pass(65)
      assert.equal("active", other.state)
      client.tier = "admin_api"
    end)


    it("of what takes it back holds up others where its leader was killed", function()
      client.tier = "dbless"
      local record, other = applied({ patch("r1") }), record_of({ patch("r2") }, { id = "i-2" })
      failing.PATCH = function()
        error("killed", 0)
      end
      assert.has_error(function() life.revert(record, conf, "reverted", "asked for") end, "killed")
      failing = {}
      unsettled.take_over()
      life.carry_out(other, conf)
      assert.equal("applying", other.state)
      pass(1)
      assert.equal("reverted", record.state)
      pass(65)
      assert.equal("active", other.state)
      client.tier = "admin_api"
    end)
  end)


  it("that is stopped while its write is waited for is taken back afterwards", function()
    local record = record_of({ patch("r1") })
    failing.PATCH = function()
      if record.state == "applying" then
        life.stop(record, conf, "reverted", "the kill switch is on")
      end
    end
    life.carry_out(record, conf)
    assert.equal("reverting", record.state)
    assert.equal(81, entities.r1.port)
    pass(1)
    assert.equal("reverted", record.state)
    assert.equal(80, entities.r1.port)
  end)


  it("in memory is followed apart from those that wait for the Admin API", function()
    local record = record_of({ { op = "ban", ban = { ttl_s = 10 } } }, { action = "ban", ttl_s = 10 })
    life.start(record, conf)
    pass(1)
    assert.equal("applying", record.state)
    follower.follow(conf, false)
    assert.equal("active", record.state)
    assert.same({}, asked)
  end)


  -- Lets time pass on a node that follows, and looks after what is in memory.
  local function pass_in_memory(seconds)
    for _ = 1, seconds do
      now = now + 1
      follower.follow(conf, false)
    end
  end


  it("in memory is put back within a minute where memory lost it, and ends in its time", function()
    local record = record_of({ { op = "ban", ban = { ttl_s = 600 } } }, { action = "ban" })
    life.start(record, conf)
    pass_in_memory(100)
    assert.equal(1601, banned_until_s)
    assert.is_nil(record.why)

    banned_until_s = 0
    pass_in_memory(60)
    assert.equal(1600, banned_until_s)
    assert.equal("put back for the rest of its time: memory lacked 1 of 1", record.why)
    assert.equal("active", record.state)
    pass_in_memory(440)
    assert.equal("expired", record.state)
    assert.equal(0, banned_until_s)
  end)


  it("that cannot be written down waits, and the log says so once, and once that it can again", function()
    local records = {}
    for n = 1, 3 do
      records[n] = applied({ patch("r" .. n) }, { id = "i-" .. n, ttl_s = 10 })
    end
    counted, is_full = 0, true
    pass(100)
    assert.same({ "err: could not write down actions: the disk is full" }, logged)
    assert.equal(0, counted)
    assert.equal("81 81 81", ports())

    is_full = false
    pass(100)
    assert.same({ "err: could not write down actions: the disk is full", "notice: it works again to write down actions" }, logged)
    assert.equal(2 * #records, counted)
    assert.equal("80 80 80", ports())
  end)


  it("in memory is taken back by the kill switch where nothing can be written down, and written down as soon as that can be",
     function()
    local record = record_of({ { op = "ban", ban = { ttl_s = 6000 } } }, { action = "ban", ttl_s = 6000 })
    life.start(record, conf)
    pass_in_memory(1)
    assert.is_true(banned_until_s > now)
    -- The next leader does what is to be done then.
    killed, leads = true, false
    pass_in_memory(10)
    assert.is_true(banned_until_s > now)
    is_full, leads = true, true
    pass_in_memory(10)
    assert.equal(0, banned_until_s)
    assert.equal("reverting", record.state)
    is_full = false
    pass_in_memory(1)
    assert.same({ "reverted", "the kill switch is on" }, { record.state, record.why })
    assert.equal(0, banned_until_s)
  end)


  it("in memory says once that it cannot be put back, and once that it can again", function()
    local record = record_of({ { op = "ban", ban = { ttl_s = 6000 } } }, { action = "ban", ttl_s = 6000 })
    life.start(record, conf)
    pass_in_memory(100)
    ledger = {}
    for _ = 1, 2 do
      unreadable = "the library says no"
      pass_in_memory(300)
      unreadable = nil
      pass_in_memory(300)
    end
    assert.same({ "could not put back what memory may lack: the library says no", "memory has all of it again",
                  "could not put back what memory may lack: the library says no", "memory has all of it again" }, ledger)

    unreadable = "the library says no"
    pass_in_memory(100)
    unreadable, banned_until_s = nil, 0
    pass_in_memory(100)
    assert.equal("put back for the rest of its time: memory lacked 1 of 1", ledger[#ledger])
    assert.equal(6, #ledger)
  end)


  describe("that makes something", function()
    local made

    before_each(function()
      made = { op = "create", kind = "plugins", id = "p1" }
      made.entity = { name = "acl", config = { deny = { "a" } }, tags = { "threat-agent" } }
    end)


    it("says on it when its time is over, counted from when it was begun", function()
      local record = record_of({ made })
      life.move(record, "pending", conf)
      now = now + 1800
      life.start(record, conf)
      pass(1)
      assert.equal("active", record.state)
      assert.same({ "threat-agent", "expires:" .. record.expires_s }, entities.p1.tags)
      assert.equal(3400, record.expires_s)
      pass(600)
      assert.equal("expired", record.state)
      assert.is_nil(entities.p1)
    end)


    it("makes it once, and nothing over what somebody made of it", function()
      local record = applied({ made })
      entities.p1.created_at = 5
      record.state = "applying"
      pass(1)
      assert.equal("active", record.state)
      assert.equal(5, entities.p1.created_at)

      -- Edited, and still marked as the agent's.
      entities.p1.config.deny = { "a", "b" }
      record.state = "applying"
      pass(1)
      assert.equal("active", record.state)
      assert.same({ "a", "b" }, entities.p1.config.deny)
      pass(60)
      assert.is_false(record.stands)

      entities.p1.tags = { "theirs" }
      record.state = "applying"
      pass(1)
      assert.equal("conflict", record.state)
      assert.same({ "a", "b" }, entities.p1.config.deny)
    end)


    it("for somebody, whose it was, neither makes nor unmakes it over an edit", function()
      made.restored, made.entity = true, { name = "cors", config = { origins = { "a" } } }
      local record = applied({ made }, { ttl_s = 30 })
      assert.is_nil(entities.p1.tags)
      entities.p1.config.origins = { "b" }
      record.state = "applying"
      pass(1)
      assert.equal("conflict", record.state)
      assert.same({ "b" }, entities.p1.config.origins)

      entities.p1 = nil
      made.restored = true
      record = applied({ made }, { id = "i-2", ttl_s = 30 })
      pass(30)
      assert.equal("expired", record.state)
      assert.is_nil(entities.p1)
    end)
  end)


  describe("whose clock is set back", function()
    it("stands no longer than it was to", function()
      local record = applied({ patch("r1") }, { ttl_s = 100 })
      now = now - 86400
      pass(101)
      assert.equal("expired", record.state)
    end)


    it("is looked at as before, and put back where memory lost it", function()
      local record = record_of({ { op = "ban", ban = { ttl_s = 6000 } } }, { action = "ban", ttl_s = 6000 })
      life.start(record, conf)
      pass_in_memory(100)
      now, banned_until_s = now - 3600, 0
      pass_in_memory(60)
      assert.equal("put back for the rest of its time: memory lacked 1 of 1", record.why)
      assert.is_true(banned_until_s > now)
    end)


    it("waits for no longer than the longest pause", function()
      local tried = { tries = 20 }
      life.pause(tried)
      assert.is_true(life.is_paused(tried, now + 59))
      assert.is_false(life.is_paused(tried, now + 60))
      assert.is_false(life.is_paused(tried, now - 1))
      assert.is_false(life.is_paused({}, now))
    end)


    it("is tried again as ever", function()
      local record = record_of({ patch("r1") })
      failing.PATCH = { "away", true }
      life.carry_out(record, conf)
      pass(100)
      failing, now = {}, now - 86400
      pass(1)
      assert.equal("active", record.state)
    end)
  end)
end)
