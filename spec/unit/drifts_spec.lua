-- What is told of normal that has changed for good, and what is shown of a file of a former version: without a
-- gateway.


require "spec.support.plugin"


local cjson = require "cjson.safe"


local CONF = { mode = "monitor", notifications = { redact = {} } }


local function drift(service, route, summary)
  return { workspace = "w", service = service, route = route, metric = "rate", what = "requests per second",
           from = 20, to = 60, at_s = 86400, summary = summary }
end


describe("drifts", function()
  local discretion, events, grouping

  setup(function()
    _G.ngx = _G.ngx or { null = cjson.null }
    _G.ngx.time = function() return 86401 end
    _G.kong = { node = { get_id = function() return "node" end } }
    package.loaded["kong.plugins.threat-agent.agent.events"] = nil
    events = require "kong.plugins.threat-agent.agent.events"
    discretion = require "kong.plugins.threat-agent.agent.discretion"
    grouping = require "kong.plugins.threat-agent.agent.grouping"
  end)


  local function told()
    return events.of_drifts({
      drift("(consumers)", "ann", "consumer ann: …"), drift("s", "shop", "route shop: …"), drift("s", "cart", "route cart: …"),
    }, 2, CONF)
  end


  it("are one message of the lowest severity that asks for nothing", function()
    local event = told()
    assert.same({ "drift", "low", "resolved" }, { event.event, event.severity, event.status })
    assert.equal("Normal has changed: consumer ann: …; and 2 more", event.summary)
    assert.same({ 3, 2 }, { event.drifts.count, #event.drifts.data })
    for _, case in ipairs({ { "low", {}, true }, { "medium", {}, false }, { "low", { "abuse" }, false } }) do
      assert.equal(case[3], grouping.wants({ min_severity = case[1], categories = case[2] }, event))
    end
  end)


  it("do not name consumers where a channel goes without them", function()
    local event = discretion(told(), { omit = { "consumers" } })
    assert.equal("Normal has changed: route shop: …; and 2 more", event.summary)
    assert.same({ "shop" }, { event.drifts.data[1].route })
    assert.falsy(cjson.encode(event):find("ann", 1, true))

    local alone = events.of_drifts({ drift("(consumers)", "ann", "consumer ann: …") }, 2, CONF)
    assert.equal("Normal has changed: 1 of consumers", discretion(alone, { omit = { "consumers" } }).summary)
  end)


  it("a file of a former version is shown as far as it goes", function()
    local hours = {}
    for i = 1, 168 do
      hours[i] = -1
    end
    local old = {
      rate = { mean = 5 }, rate_hours = { values = hours }, errors = { hits = 1, total = 10 },
      not_found = { hits = 0, total = 10 }, refused = { hits = 0, total = 10 }, latency = { mean = 30 }, seconds = 700,
    }
    package.loaded["kong.plugins.threat-agent.files"] = {
      LEARNED = "learned.json",
      load = function()
        return cjson.encode({ places = {
          { workspace = "w", service = "s", route = "shop", baseline = old },
          { workspace = "w", service = "(consumers)", route = "ann", baseline = old },
        } })
      end,
    }
    _G.ngx.now = function() return 100 end
    package.loaded["kong.plugins.threat-agent.baselines"] = nil
    local baselines = require "kong.plugins.threat-agent.baselines"
    assert.same({ routes = 1, mature_routes = 1, consumers = 1, drifts = 0 }, baselines.summary())
    local list = baselines.list("w")
    assert.same({ "shop", "ann" }, { list[1].route, list[2].consumer })
    assert.equal(0.1, list[1].usual.error_ratio)
    assert.is_nil(list[1].usual.methods)
    assert.equal(0, #baselines.list("other"))
    package.loaded["kong.plugins.threat-agent.files"], package.loaded["kong.plugins.threat-agent.baselines"] = nil, nil
  end)
end)
