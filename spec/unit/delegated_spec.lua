-- What a companion makes of questions, on a gateway that is tables.


local cjson = require "cjson.safe"


local MODULE = "kong.plugins.threat-agent."
local AGENT = "lua/kong/plugins/threat-agent/agent/"
local NODE = "11111111-2222-4333-8444-555555555555"
local ROUTE = "00000000-0000-4000-8000-000000000001"


describe("a companion", function()
  local delegated, conf, records, moved, noted, planned, protected, answer, asked_n
  local former_kong, former_time = _G.kong, _G.ngx and _G.ngx.time

  before_each(function()
    records, moved, noted, planned, protected, asked_n = {}, {}, {}, nil, nil, 0
    _G.ngx = _G.ngx or {}
    _G.ngx.time = function() return 1000 end
    _G.kong = { log = { notice = function(...) noted[#noted + 1] = table.concat({ ... }) end } }
    local stubs = {
      actions = {
        plan = function(record, _, step)
          planned, record.changes = step, {}
          return true
        end,
      },
      admin = {
        client = function()
          return { get = function(_, _, id) return id == ROUTE and { id = ROUTE, name = "shop" } end }
        end,
      },
      ["agent.carrier"] = { stands = function() return true end },
      commands = { answer = function(_, what) answer = what end },
      ["agent.gate"] = { check = function() return not protected, protected end },
      ["agent.journal"] = {
        get = function(id) return records[id] end,
        all = function()
          local list = {}
          for _, record in pairs(records) do
            list[#list + 1] = record
          end
          return list
        end,
      },
      ["agent.life"] = {
        must_go = function() end,
        note = function(event) moved[#moved + 1] = event end,
        move = function(record, state, _, why)
          record.state, record.why, records[record.id] = state, why, record
          moved[#moved + 1] = state
        end,
        carry_out = function(record)
          record.state, records[record.id] = "active", record
          moved[#moved + 1] = "active"
        end,
      },
      ["agent.planner"] = { policy_for = function(policies) return policies[1] end },
      redact = { text = function(text) return text end },
      settings = { is_companion = function() return true end },
    }
    for name, stub in pairs(stubs) do
      package.loaded[MODULE .. name] = stub
    end
    package.loaded[MODULE .. "agent.question"] = dofile(AGENT .. "question.lua")
    delegated = dofile(AGENT .. "delegated.lua")
    for name in pairs(stubs) do
      package.loaded[MODULE .. name] = nil
    end
    package.loaded[MODULE .. "agent.question"] = nil
    conf = { mode = "enforce", response = {
      enabled = true, admin_api = {},
      companion = { accepts = { "rate_limiting" }, least_per_minute = 60 },
      policies = { { id = "p", steps = { { action = "rate_limiting", ttl_s = 600, per_minute = cjson.null } } } },
    } }
  end)

  after_each(function()
    _G.kong, _G.ngx.time = former_kong, former_time
  end)


  local function ask(more)
    asked_n = asked_n + 1
    local asked = { command = "apply", node = NODE, id = "i-1", created_s = 900, policy = "p", step = 1,
                    incident = "I", category = "abuse", place = { route = ROUTE }, touches_ratio = 0 }
    for name, value in pairs(more or {}) do
      asked[name] = value
    end
    delegated.obey({ nonce = "n", asked = asked }, conf)
    return answer
  end


  it("keeps apart what different nodes ask for, and what one asks for twice after it has lost its files", function()
    assert.equal("active", ask().state)
    assert.equal("active", ask().state)
    assert.equal(1, #moved)
    -- The same beginning, another node.
    assert.equal("active", ask({ node = NODE:sub(1, 8) .. "-2222-4333-8444-666666666666" }).state)
    assert.equal(2, #moved)
    records[NODE .. "-i-1-900"].state = "reverted"
    assert.equal("reverted", ask().state)
    assert.equal("active", ask({ created_s = 950 }).state)
    assert.equal(3, #moved)
    for _, wrong in ipairs({ 0, -1, 1.5, 1e13, 0 / 0, "900", cjson.null }) do
      assert.matches("expected node, id, created_s", ask({ created_s = wrong }).why)
    end
  end)


  it("takes a learned limit within bounds, and its own policy's as it is", function()
    for n, case in ipairs({ { 600, 600 }, { 3, 60 }, { 1000000, 1000000 } }) do
      assert.equal("active", ask({ id = "i-" .. n, per_minute = case[1] }).state)
      assert.equal(case[2], planned.per_minute)
    end
    for _, wrong in ipairs({ 0, -5, 0.5, 1e9, 1 / 0, "60", cjson.null }) do
      local refused = ask({ id = "wrong", per_minute = wrong })
      assert.equal("refused", refused.state)
      assert.matches("expected per_minute", refused.why)
    end
    conf.response.policies[1].steps[1].per_minute = 5
    ask({ id = "own", per_minute = 700 })
    assert.equal(5, planned.per_minute)
  end)


  it("writes nothing down of what comes to no plan, and little of what its gates refuse", function()
    for n = 1, 30 do
      local refused = ask({ id = "none-" .. n, policy = "made-up" })
      assert.equal("refused", refused.state)
      assert.matches("no such step", refused.why)
    end
    assert.same({}, moved)
    assert.equal(10, #noted)

    _G.ngx.time = function() return 1060 end
    protected = "its route is protected"
    for n = 1, 30 do
      assert.equal(protected, ask({ id = "gate-" .. n }).why)
    end
    assert.equal(10, #moved)
    protected = nil
    assert.equal("active", ask({ id = "gate-30" }).state)
  end)


  it("lets so many wait for approval, and the others ask again", function()
    conf.response.policies[1].approval = "required"
    for n = 1, 20 do
      assert.equal("pending", ask({ id = "i-" .. n }).state)
    end
    local waiting = ask({ id = "i-21" })
    assert.equal("waiting", waiting.state)
    assert.matches("20 actions of data planes wait", waiting.why)
    assert.equal(20, #moved)
    records[NODE .. "-i-3-900"].state = "active"
    assert.equal("pending", ask({ id = "i-21" }).state)
  end)


  it("notes what it is told of an action once", function()
    ask()
    for _, result in ipairs({ "improved", "improved", "harmful", "made-up", "made-up" }) do
      assert.is_true(ask({ command = "verify", result = result }).stands)
    end
    assert.same({ "active", "verified", "verified", "verified" }, moved)
  end)
end)
