-- Who carries a record out and takes it back, with a companion and an Admin API that note what they are asked.


local MODULE = "kong.plugins.threat-agent."


describe("a record's carrier", function()
  local carrier, asked, answer, record, is_noted
  local former_time = _G.ngx and _G.ngx.time

  before_each(function()
    _G.ngx = _G.ngx or {}
    _G.ngx.time = function() return 1000 end
    asked, answer, is_noted = {}, nil, true
    local function note(what)
      return function()
        asked[#asked + 1] = what
        return true
      end
    end
    local stubs = {
      admin = { client = function() return { tier = "dbless", settings = { calls = {} }, looker = function() end } end },
      ["admin.companion"] = {
        ask = function(_, question)
          asked[#asked + 1] = "companion " .. question.command
          return answer
        end,
      },
      ["admin.reach"] = { UNANSWERED = "unanswered" }, ["admin.replica"] = {},
      ["actions.usual"] = { requests = function() return 60 end },
      ["agent.bequest"] = { leave = function() end, withdraw = function() end },
      ["agent.operations"] = {
        is_remote = function(change) return change.op ~= "ban" end,
        stamp = function() end, apply = note("apply"), revert = note("revert"), stands = note("stands"),
      },
      ["agent.unsettled"] = { begin = function() return is_noted, "the disk is full" end, finish = function() end,
                              may_undo = function() return false end, may_land = function() return false end },
      settings = { asks_companion = function(conf) return conf.response.responder == "companion" end },
    }
    for name, stub in pairs(stubs) do
      package.loaded[MODULE .. name] = stub
    end
    carrier = dofile("lua/kong/plugins/threat-agent/agent/carrier.lua")
    for name in pairs(stubs) do
      package.loaded[MODULE .. name] = nil
    end
    record = { id = "i-1", place = {}, changes = { { op = "patch" } }, ttl_s = 600 }
  end)

  after_each(function()
    _G.ngx.time = former_time
  end)


  local function conf(responder)
    return { response = { responder = responder, admin_api = {}, companion = {} } }
  end


  it("takes back what the companion did by the companion, whoever would do it now", function()
    answer = { state = "active", changes = { { op = "patch", id = "p" } }, stands = true }
    carrier.settle(record, conf("companion"))
    assert.is_true(carrier.apply(record, conf("companion")))
    assert.equal("companion", record.tier)

    assert.is_true(carrier.stands(record, conf("local")))
    answer = { state = "reverted" }
    assert.is_true(carrier.take_back(record, conf("local")))
    assert.same({ "companion apply", "companion verify", "companion revert" }, asked)
  end)


  it("is done with what the companion has not done, or can no longer take back", function()
    carrier.settle(record, conf("companion"))
    for _, state in ipairs({ "expired", "failed", "handed_out", "refused", "reverted", "unknown" }) do
      answer = { state = state, why = "so it is" }
      assert.same({ nil, "the companion's action is " .. state .. ": so it is", false }, { carrier.apply(record, conf("companion")) })
      assert.is_true(carrier.take_back(record, conf("companion")), state)
    end

    -- As where the workspace is gone.
    answer = { state = "conflict", why = "the workspace w is gone" }
    local why = "the companion's action is conflict: the workspace w is gone"
    assert.same({ nil, why, false }, { carrier.apply(record, conf("companion")) })
    assert.same({ nil, why, false, true }, { carrier.take_back(record, conf("companion")) })

    for _, state in ipairs({ "pending", "waiting", "applying", "reverting" }) do
      answer = { state = state }
      assert.same({ nil, "the companion's action is " .. state, true }, { carrier.apply(record, conf("companion")) })
    end
  end)


  it("takes back what this node did itself, whoever would do it now", function()
    carrier.settle(record, conf("local"))
    assert.equal("admin_api", record.tier)
    assert.is_true(carrier.apply(record, conf("local")))
    assert.equal("dbless", record.tier)

    assert.is_true(carrier.stands(record, conf("companion")))
    assert.is_true(carrier.take_back(record, conf("companion")))
    assert.same({ "apply", "stands", "revert" }, asked)
  end)


  it("goes on as it began where the first try got no answer", function()
    carrier.settle(record, conf("companion"))
    assert.is_nil((carrier.apply(record, conf("companion"))))
    carrier.take_back(record, conf("local"))
    assert.same({ "companion apply", "companion revert" }, asked)
  end)


  it("asks for nothing that it could not write down before, be it to take back", function()
    is_noted = nil
    carrier.settle(record, conf("local"))
    assert.same({ nil, "the disk is full", true }, { carrier.apply(record, conf("local")) })
    assert.same({ nil, "the disk is full", true }, { carrier.take_back(record, conf("local")) })
    assert.same({}, asked)
  end)


  it("leaves to nobody what is done in memory", function()
    record.changes = { { op = "ban" } }
    is_noted = nil
    carrier.settle(record, conf("companion"))
    assert.is_true(carrier.apply(record, conf("companion")))
    assert.equal("memory", record.tier)
    assert.is_true(carrier.take_back(record, conf("companion")))
    assert.same({ "apply", "revert" }, asked)
  end)
end)
