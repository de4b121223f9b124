-- What an approval is held against: what goes on when it is given.


local MODULE = "kong.plugins.threat-agent."


describe("an approval", function()
  local orders, record, said, share, refusal, conf
  local former = {}

  before_each(function()
    said, share, refusal = {}, 0, nil
    conf = { response = { enabled = true } }
    record = { id = "i-1", state = "pending", action = "request_termination", touches_ratio = 0, before = { good = 0 },
               created_s = 1, incident = "i" }
    local command
    local stubs = {
      actions = { touches = function() return share end },
      effect = { measure = function() return { good = 100 } end },
      commands = {
        done = function() end,
        send = function(given) command = given end,
        take = function()
          local given = command
          command = nil
          return given
        end,
      },
      lease = { holds = function() return true end },
      vocabulary = dofile("lua/kong/plugins/threat-agent/vocabulary.lua"),
      ["agent.delegated"] = {}, ["agent.operator"] = {}, ["agent.trainer"] = {},
      ["agent.gate"] = { check = function(of)
        refusal = of.touches_ratio > 0.05 and "it would refuse too much" or nil
        return not refusal or nil, refusal
      end },
      ["agent.journal"] = { get = function() return record end },
      ["agent.life"] = {
        must_go = function() end,
        start = function(of)
          of.state = "applying"
          said[#said + 1] = "started"
        end,
        stop = function() said[#said + 1] = "stopped" end,
        hold_back = function(of, _, why)
          of.state = "refused"
          said[#said + 1] = why
        end,
      },
    }
    for name, stub in pairs(stubs) do
      former[name], package.loaded[MODULE .. name] = package.loaded[MODULE .. name] or false, stub
    end
    orders = dofile("lua/kong/plugins/threat-agent/agent/orders.lua")
  end)

  after_each(function()
    for name, module in pairs(former) do
      package.loaded[MODULE .. name] = module or nil
    end
  end)


  local function ask(what)
    package.loaded[MODULE .. "commands"].send({ command = what, id = "i-1", by = "ann" })
    orders.obey(conf)
  end


  it("begins with what was planned, by what goes on now", function()
    ask("approve")
    assert.same({ "started" }, said)
    assert.equal("ann", record.approved_by)
    assert.same({ good = 100 }, record.before)
  end)


  it("of what would refuse those that go well by now is held back", function()
    share = 0.9
    ask("approve")
    assert.same({ "it would refuse too much" }, said)
    assert.is_nil(record.approved_by)
  end)


  it("of what a data plane asks for goes by what that said", function()
    record.asked_by, record.touches_ratio, share = "node", 0.9, 0
    ask("approve")
    assert.same({ "it would refuse too much" }, said)
    assert.same({ good = 0 }, record.before)
  end)


  it("that is taken back says by whom, and only where there was something to take back", function()
    record.state = "expired"
    ask("revert")
    assert.is_nil(record.ended_by)
    record.state = "active"
    ask("revert")
    assert.equal("ann", record.ended_by)
    assert.same({ "stopped" }, said)
  end)
end)
