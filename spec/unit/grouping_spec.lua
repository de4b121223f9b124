-- What is worth a message: in virtual time, without a gateway.


require "spec.support.plugin"


local Grouping = require "kong.plugins.threat-agent.agent.grouping"


local SETTINGS = { min_severity = "medium", categories = {}, rate_per_minute = 6, update_interval_s = 900 }


local function incident(id, fields)
  local made = { id = id, title = "Attack " .. id, severity = "medium", category = "abuse", status = "open",
                 updated_s = 0 }
  for name, value in pairs(fields or {}) do
    made[name] = value
  end

  return made
end


local function kinds(messages)
  local list = {}
  for i, message in ipairs(messages) do
    list[i] = message.event
  end

  return list
end


describe("one incident", function()
  local group

  before_each(function()
    group = Grouping.new()
  end)


  local function at(now_s, ...)
    group:take(...)
    return kinds((group:flush(SETTINGS, now_s)))
  end


  it("is told when it opens, seldom while it lasts, and when it is over", function()
    assert.same({ "opened" }, at(100, incident("A")))
    for now_s = 101, 999 do
      assert.same({}, at(now_s, incident("A", { status = "updated" })))
    end
    assert.same({ "updated" }, at(1000, incident("A", { status = "updated" })))
    assert.same({ "resolved" }, at(1010, incident("A", { status = "resolved" })))
    assert.same({}, at(3000, incident("A", { status = "resolved" })))
  end)

  it("is told at once when there is an opinion of it, once", function()
    at(100, incident("A"))
    assert.same({ "updated" }, at(101, incident("A", { opinion = {} })))
    assert.same({}, at(102, incident("A", { opinion = {} })))
  end)

  it("is told at once when it becomes graver", function()
    at(100, incident("A"))
    assert.same({ "updated" }, at(101, incident("A", { severity = "critical" })))
    assert.same({}, at(102, incident("A", { severity = "medium" })))
  end)

  it("is told again when an action moves, once for each state that lasts", function()
    at(100, incident("A"), { { id = "A-1", state = "dry_run" } })
    assert.same({}, at(101, incident("A"), { { id = "A-1", state = "dry_run" } }))
    assert.same({}, at(102, incident("A"), { { id = "A-1", state = "dry_run" }, { id = "A-2", state = "applying" } }))
    assert.same({ "action" }, at(103, incident("A"), { { id = "A-2", state = "active" } }))
    assert.same({}, at(104, incident("A"), { { id = "A-2", state = "active" } }))
    assert.same({ "action" }, at(105, incident("A"), { { id = "A-2", state = "reverted" } }))
  end)

  it("is left out below the severity, and when it is of another category", function()
    assert.same({}, at(100, incident("A", { severity = "low" })))
    group:take(incident("B"))
    assert.same({}, group:flush({ min_severity = "low", categories = { "api_ddos" }, rate_per_minute = 6,
                                  update_interval_s = 900 }, 100))
    assert.same({ "opened" }, at(101, incident("A", { severity = "high" })))
  end)

  it("is told as before where the clock was set back", function()
    for n = 1, SETTINGS.rate_per_minute + 1 do
      at(5000, incident("A" .. n))
    end
    assert.same({ "digest", "opened" }, at(1400, incident("B")))
    assert.same({ "updated" }, at(1410, incident("A1", { status = "updated" })))
  end)

  it("that was over before anyone heard of it is left out", function()
    assert.same({}, at(100, incident("A", { status = "resolved" })))
  end)

  it("is not told again by a new leader, unless nobody knows that it arrived", function()
    group:take(incident("A"))
    group:take(incident("B"))
    for _, message in ipairs((group:flush(SETTINGS, 100))) do
      message.told.waits = message.incident.id == "B" or nil
    end

    group = Grouping.new(group:state())
    group:take(incident("A"))
    group:take(incident("B"))
    local messages = group:flush(SETTINGS, 101)
    assert.same({ "opened" }, kinds(messages))
    assert.equal("B", messages[1].incident.id)
  end)
end)


describe("a flood", function()
  it("of 10,000 events sends a handful of messages", function()
    local group = Grouping.new()
    local messages = {}
    local function flush(now_s)
      for _, message in ipairs((group:flush(SETTINGS, now_s))) do
        messages[#messages + 1] = message
      end
    end

    -- 2,500 incidents within a minute: each opens, is updated twice and is resolved.
    for n = 1, 2500 do
      for _, status in ipairs({ "open", "updated", "updated" }) do
        group:take(incident("I" .. n, { status = status, severity = n == 2000 and "critical" or "medium" }))
      end
      if n % 50 == 0 then
        flush(100 + n / 50)
      end
    end
    for n = 1, 2500 do
      group:take(incident("I" .. n, { status = "resolved" }))
    end
    for now_s = 160, 400 do
      flush(now_s)
    end

    assert.is_true(#messages <= 15, #messages .. " messages")
    local told, digested, over = 0, 0, 0
    for _, message in ipairs(messages) do
      if message.event == "opened" then
        told = told + 1
      elseif message.event == "digest" and not message.over then
        digested = digested + message.digest.count
        assert.equal("critical", message.digest.severity)
        assert.equal("I2000", message.digest.incidents[1].id)
        assert.is_true(#message.digest.incidents <= 20)
      elseif message.over then
        over = over + 1
      end
    end
    assert.equal(2500, told + digested)
    assert.equal(1, over)
  end)

  it("tells the gravest first, and still says that what was told is over", function()
    local group = Grouping.new()
    for n = 1, 20 do
      group:take(incident("I" .. n, { severity = n > 15 and "high" or "medium" }))
    end
    local messages = group:flush(SETTINGS, 100)
    assert.equal(5, #messages)
    for _, message in ipairs(messages) do
      assert.equal("high", message.incident.severity)
      group:take(incident(message.incident.id, { severity = "high", status = "resolved" }))
    end

    assert.same({}, kinds((group:flush(SETTINGS, 101))))
    -- The digest first, and what else the new minute has room for; the rest follows.
    local later = kinds((group:flush(SETTINGS, 160)))
    assert.same({ "digest", "resolved", "resolved", "resolved", "resolved" }, later)
    assert.same({ "resolved" }, kinds((group:flush(SETTINGS, 220))))
  end)

  it("is told by the next leader where nobody knows whether it arrived", function()
    local group = Grouping.new()
    group:take(incident("over"))
    group:flush(SETTINGS, 100)
    group:take(incident("over", { status = "resolved" }))
    group:flush(SETTINGS, 101)[1].told.waits = true
    for n = 1, 8 do
      group:take(incident("I" .. n))
    end
    group:flush(SETTINGS, 102)

    local next_group = Grouping.new(group:state())
    next_group:take(incident("over", { status = "resolved" }))
    for n = 1, 8 do
      next_group:take(incident("I" .. n))
    end
    local told = {}
    for _, now_s in ipairs({ 103, 170 }) do
      for _, message in ipairs(next_group:flush(SETTINGS, now_s)) do
        for _, one in ipairs(message.digest and message.digest.incidents or { message.incident }) do
          told[one.id] = message.event
        end
      end
    end
    assert.equal("resolved", told.over)
    assert.is_not_nil(told.I8)
  end)

  it("does not grow without bound", function()
    local group = Grouping.new()
    for n = 1, 10000 do
      group:take(incident("I" .. n))
      group:flush(SETTINGS, n)
    end
    local remembered = 0
    for _ in pairs(group:state().seen) do
      remembered = remembered + 1
    end
    assert.is_true(remembered <= 2048, tostring(remembered))
  end)
end)
