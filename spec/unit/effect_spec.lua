-- What came of an action, by counts that are given.


local MODULE = "kong.plugins.threat-agent."


describe("an action", function()
  local effect, flows

  -- A flow of so many requests, of which so many fail.
  local function flow(requests, errors)
    return { requests = requests, errors = errors, not_found = 0, refused = 0, exits = 0 }
  end

  setup(function()
    local stubs = {
      senders = { identity = function(place) return place end },
      region = { traffic = function(place)
        local of = flows[place.route]
        return { minute = flow(of[1], of[2]), ten_s = flow(of[1], of[2]), in_flight = 1, hot_limit = 5 }
      end },
      snapshots = { routes_of = function(service) return service == "s" and { "a", "b", "c" } or {} end },
    }
    for name, stub in pairs(stubs) do
      package.loaded[MODULE .. name] = stub
    end
    package.loaded[MODULE .. "traffic_of"] = dofile("lua/kong/plugins/threat-agent/traffic_of.lua")
    effect = dofile("lua/kong/plugins/threat-agent/effect.lua")
    package.loaded[MODULE .. "traffic_of"] = nil
    for name in pairs(stubs) do
      package.loaded[MODULE .. name] = nil
    end
  end)


  describe("on a service touches what goes well", function()
    local place = { service = "s", route = "a" }

    before_each(function()
      flows = { a = { 100, 100 }, b = { 400, 0 }, c = { 500, 50 } }
    end)

    it("on all of its routes", function()
      assert.equal(0, effect.good_ratio(place, "route"))
      assert.equal(0.85, effect.good_ratio(place, "service"))
      assert.equal(0.85, effect.good_ratio_now(place, "service"))
    end)

    it("and is judged by all of them", function()
      local record = { place = place, target = "service", category = "mass_error" }
      assert.same({ harm = 0.15, good = 850, failed = 0, requests = 1000, hot_limit = 5 }, effect.measure(record))
      record.target = "route"
      assert.equal(1, effect.measure(record).harm)
    end)

    it("on the route alone where the service's are not known", function()
      assert.equal(0, effect.good_ratio({ service = "new", route = "a" }, "service"))
    end)
  end)


  local BEFORE = { harm = 100, good = 200, failed = 2 }

  for _, case in ipairs({
    { "helps where the harm is gone and the good goes on", { harm = 0, good = 190, failed = 2 }, "improved" },
    { "does nothing where the harm goes on", { harm = 90, good = 200, failed = 2 }, "none" },
    { "harms where the good goes down with it", { harm = 0, good = 60, failed = 2 }, "harmful" },
    { "is not blamed for what fails by itself", { harm = 0, good = 60, failed = 130 }, "improved" },
    { "is blamed for what does not even fail", { harm = 0, good = 20, failed = 60 }, "harmful" },
  }) do
    it(case[1], function()
      assert.equal(case[3], effect.judge(BEFORE, case[2]))
    end)
  end


  it("that lets its clients' innocent requests pass is not judged by what goes on", function()
    assert.equal("unknown", effect.judge(BEFORE, { harm = 90, good = 200, failed = 2, is_partly_good = true }))
    assert.equal("improved", effect.judge(BEFORE, { harm = 0, good = 200, failed = 2, is_partly_good = true }))
    assert.equal("harmful", effect.judge(BEFORE, { harm = 90, good = 60, failed = 2, is_partly_good = true }))
  end)


  it("on hardly any traffic is judged by the harm alone", function()
    assert.equal("improved", effect.judge({ harm = 10, good = 19 }, { harm = 0, good = 0 }))
  end)
end)
