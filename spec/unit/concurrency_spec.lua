-- How a cap moves, on a region that is a table.


require "spec.support.plugin"


local MODULE = "kong.plugins.threat-agent."

local flow, of_service, in_flight, usual, put


local function load()
  package.loaded[MODULE .. "region"] = {
    lift_ban = function() return true end,
    ban = function(ban) put = ban.limit return true end,
  }
  package.loaded[MODULE .. "agent.limit"] = nil
  package.loaded[MODULE .. "traffic_of"] = function(_, target)
    return { ten_s = target == "service" and of_service or flow, in_flight = in_flight }
  end
  package.loaded[MODULE .. "baselines"] = { of = function() return usual end }
  local concurrency = dofile("lua/kong/plugins/threat-agent/agent/concurrency.lua")
  for _, name in ipairs({ "region", "baselines", "traffic_of" }) do
    package.loaded[MODULE .. name] = nil
  end
  return concurrency
end


describe("a cap on concurrency", function()
  local concurrency, record, now

  before_each(function()
    concurrency = load()
    flow = { requests = 1000, exits = 0, errors = 0, latency_ms = 1000 * 100 }
    in_flight, usual, put, now = 0, nil, nil, 1000
    record = { place = { workspace = "", route = "r", service = "s" }, expires_s = 2000,
               changes = { { ban = { by = "route", limit = 100, ttl_s = 600 } } } }
  end)


  local function step()
    now = now + 2
    concurrency.step(record, now)
    return record.changes[1].ban.limit
  end


  it("begins with what was under way on average", function()
    assert.equal(10, concurrency.first(record.place))
    flow.latency_ms = 0
    assert.equal(4, concurrency.first(record.place))
    of_service = { latency_ms = 500 * 100 }
    assert.equal(5, concurrency.first(record.place, "service"))
  end)


  it("moves where the clock was set back", function()
    flow.errors = 60
    assert.equal(80, step())
    now = now - 3600
    assert.equal(64, step())
  end)


  it("falls while the upstream fails, to a few at least", function()
    flow.errors = 60
    assert.equal(80, step())
    assert.equal(80, put)
    for _ = 1, 40 do
      step()
    end
    assert.equal(4, step())
  end)


  it("falls while answers are slower than usual", function()
    usual = { is_mature = true, latency_ms = 40 }
    assert.equal(80, step())
    usual.latency_ms = 60
    assert.equal(80, step())
    usual = { is_mature = false, latency_ms = 1 }
    assert.equal(80, step())
  end)


  it("rises while it is felt and all goes well", function()
    in_flight = 79
    assert.equal(100, step())
    assert.is_nil(put)
    in_flight = 80
    assert.equal(105, step())
    in_flight, flow.exits = 0, 3
    assert.equal(110, step())
  end)


  it("moves every two seconds at most", function()
    flow.errors = 500
    step()
    concurrency.step(record, now + 1)
    assert.equal(80, record.changes[1].ban.limit)
  end)
end)
