-- A circuit breaker's phases, on a region that is a table.


require "spec.support.plugin"


local flow, put, asked


local function load()
  package.loaded["kong.plugins.threat-agent.region"] = {
    lift_ban = function() put = nil return true end,
    ban = function(ban) put = { ban.limit, ban.window_s, ban.ttl_s } return true end,
  }
  package.loaded["kong.plugins.threat-agent.agent.limit"] = nil
  package.loaded["kong.plugins.threat-agent.traffic_of"] = function(_, target)
    asked = target
    return { ten_s = flow }
  end
  local breaker = dofile("lua/kong/plugins/threat-agent/agent/breaker.lua")
  package.loaded["kong.plugins.threat-agent.region"], package.loaded["kong.plugins.threat-agent.traffic_of"] = nil, nil
  return breaker
end


describe("a circuit breaker", function()
  local breaker, record

  before_each(function()
    breaker = load()
    flow, put = { errors = 0, answered = 0 }, nil
    record = {
      place = { workspace = "", route = "r", service = "s" },
      changes = { { ban = { by = "route", limit = 0, window_s = 10, ttl_s = 600 } } },
      expires_s = 1600,
      breaker = breaker.new(1000),
    }
  end)


  it("stays open for a while, then lets a probe a second pass", function()
    assert.is_nil((breaker.step(record, 1019)))
    assert.is_nil(put)
    assert.is_false((breaker.step(record, 1020)))
    assert.same({ 1, 1, 580 }, put)
    assert.equal("half_open", record.breaker.phase)
  end)


  it("lets probes pass where the clock was set back behind its beginning", function()
    assert.is_false((breaker.step(record, 1000 - 3600)))
    assert.equal("half_open", record.breaker.phase)
  end)


  it("closes when the upstream answers", function()
    breaker.step(record, 1020)
    flow.answered = 2
    assert.is_nil((breaker.step(record, 1022)))
    flow.answered = 3
    assert.is_true((breaker.step(record, 1023)))
  end)


  it("looks at all that goes to what it is on", function()
    record.changes[1].ban.by = "service"
    breaker.step(record, 1020)
    breaker.step(record, 1022)
    assert.equal("service", asked)
  end)


  it("opens again for longer and longer while it fails", function()
    local now = 1000
    for _, open_s in ipairs({ 40, 80, 160, 160 }) do
      now = now + record.breaker.open_s
      breaker.step(record, now)
      flow.errors = 1
      assert.is_false((breaker.step(record, now + 1)))
      assert.same({ 0, 10 }, { put[1], put[2] })
      assert.equal(open_s, record.breaker.open_s)
      flow.errors = 0
      now = now + 1
    end
  end)
end)
