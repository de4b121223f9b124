-- Which steps the leader takes of open incidents, with policies and records that are tables.


local MODULE = "kong.plugins.threat-agent."
local FOLDER = "lua/kong/plugins/threat-agent/"


describe("the responder", function()
  local responder, proposed, done, records, conf, platform, raising, logged, waits, now
  local former_kong, former_time = _G.kong, _G.ngx and _G.ngx.time

  before_each(function()
    _G.ngx = _G.ngx or {}
    now = 1000
    _G.ngx.time = function() return now end
    logged = {}
    _G.kong = { log = { err = function(...) logged[#logged + 1] = table.concat({ ... }) end } }
    proposed, done, records, raising, waits = {}, {}, {}, nil, nil
    local function note(what)
      return function(_, is_remote)
        done[#done + 1] = what .. (is_remote == nil and "" or is_remote and " remote" or " memory")
      end
    end
    package.loaded[MODULE .. "vocabulary"] = dofile(FOLDER .. "vocabulary.lua")
    local stubs = {
      ["agent.journal"] = { get = function(id) return records[id] end },
      ["agent.ledger"] = {},
      ["agent.follower"] = { follow = note("follow") },
      ["agent.orders"] = { obey = note("obey"), answer = note("answer") },
      ["agent.outcomes"] = { was_useless_before = function() return false end },
      ["agent.planner"] = dofile(FOLDER .. "agent/planner.lua"),
      ["agent.proposals"] = {
        forget = function(id) done[#done + 1] = "forget " .. id end,
        propose = function(incident, _, number, step, _, is_wanted)
          if incident.id == raising then
            error("a list that is none", 0)
          end
          if waits then
            waits()
          end
          if not is_wanted() then
            return
          end
          proposed[#proposed + 1] = incident.id .. "-" .. number .. " " .. step.action
        end,
      },
      ["agent.unsettled"] = {},
      judged = function(incident) return incident end,
      settings = { platform = function() return platform end },
      vocabulary = package.loaded[MODULE .. "vocabulary"],
    }
    for name, stub in pairs(stubs) do
      package.loaded[MODULE .. name] = stub
    end
    responder = dofile(FOLDER .. "agent/responder.lua")
    for name in pairs(stubs) do
      package.loaded[MODULE .. name] = nil
    end
    conf = { response = { enabled = true, policies = { {
      id = "p", min_severity = "low", min_confidence = 0,
      steps = {
        { action = "ban", after_s = 0 },
        { action = "rate_limiting", after_s = 600 },
        { action = "request_termination", after_s = 86400 },
      },
    } } } }
    platform = conf
  end)

  after_each(function()
    _G.kong, _G.ngx.time = former_kong, former_time
  end)


  local function open(id, since_s, more)
    local incident = { id = id, status = "open", category = "abuse", severity = "high", confidence = 1,
                       opened_s = 1000 - since_s }
    for name, value in pairs(more or {}) do
      incident[name] = value
    end
    responder.take_in(incident)
  end


  it("takes the steps in memory apart from those that wait for the Admin API", function()
    open("I", 700)
    responder.beat(conf)
    assert.same({ "obey", "follow memory" }, done)
    assert.same({ "I-1 ban" }, proposed)
    responder.reach_out(conf)
    assert.same({ "obey", "follow memory", "answer", "follow remote" }, done)
    assert.same({ "I-1 ban", "I-2 rate_limiting" }, proposed)
  end)


  it("takes steps in their time where the clock was set back behind the beginning of an incident", function()
    open("I", 0)
    now = now - 3600
    local function again(later_s)
      now, proposed = now + later_s, {}
      -- It changes meanwhile.
      open("I", 0)
      responder.beat(conf)
      responder.reach_out(conf)
      return proposed
    end
    assert.same({ "I-1 ban" }, again(0))
    assert.same({ "I-1 ban" }, again(599))
    assert.same({ "I-1 ban", "I-2 rate_limiting" }, again(1))
  end)


  it("goes on at once after what was of no use, and not after what could not be carried out", function()
    open("I", 700)
    local again, next_one = "I-2 rate_limiting", "I-3 request_termination"
    for result, expected in pairs({ none = next_one, harmful = next_one, improved = again, unknown = again }) do
      records, proposed = { ["I-p-2"] = { state = "reverted", result = result } }, {}
      responder.reach_out(conf)
      assert.same({ expected }, proposed, result)
    end
    records, proposed = { ["I-p-2"] = { state = "failed" } }, {}
    responder.reach_out(conf)
    assert.same({ "I-2 rate_limiting" }, proposed)
  end)


  it("forgets what waited of an incident that is over, and of no other", function()
    open("I", 0)
    open("J", 0)
    open("I", 0, { status = "resolved" })
    assert.same({ "forget I" }, done)
  end)


  it("begins nothing by a configuration that is gone, and ends what stands", function()
    open("I", 700)
    platform = nil
    responder.beat(conf)
    responder.reach_out(conf)
    assert.same({}, proposed)
    assert.same({ "obey", "follow memory", "answer", "follow remote" }, done)
  end)


  for what, change in pairs({
    ["is called a false alarm"] = function(reopen) reopen({ feedback = { verdict = "false_alarm" } }) end,
    ["is over"] = function(reopen) reopen({ status = "resolved" }) end,
    ["has another configuration"] = function() platform = {} end,
  }) do
    it("does nothing about what " .. what .. " while its plan is waited for", function()
      open("I", 0)
      waits = function()
        change(function(more) open("I", 0, more) end)
      end
      responder.beat(conf)
      assert.same({}, proposed)
    end)
  end


  it("responds to the others where one incident cannot be responded to", function()
    open("A", 0)
    open("B", 0)
    open("C", 0)
    raising = "B"
    responder.beat(conf)
    table.sort(proposed)
    assert.same({ "A-1 ban", "C-1 ban" }, proposed)
    assert.same({ "could not respond to incident B: a list that is none" }, logged)

    -- It is tried each second, and said once a minute.
    for _ = 1, 59 do
      now = now + 1
      responder.beat(conf)
    end
    assert.equal(1, #logged)
    now = now + 1
    responder.beat(conf)
    assert.equal(2, #logged)
    raising = nil
    proposed = {}
    responder.beat(conf)
    assert.equal(3, #proposed)
  end)
end)
