-- What came of an action, by counts that are given.


local MODULE = "kong.plugins.threat-agent."
local REAL = { "traffic_of", "traffic_of_named" }


describe("an action", function()
  local effect, named, flows, of_senders, away, usual

  -- A flow of so many requests, of which so many fail; and so many that a ban on more than clients refused.
  local function flow(requests, errors, turned_away)
    return { requests = requests, errors = errors, not_found = 0, refused = 0, exits = 0, turned_away = turned_away or 0 }
  end

  setup(function()
    local stubs = {
      baselines = { of = function(_, route) return usual[route] end },
      senders = {
        identity = function(place, by, id)
          return { route = place.route, sender = id, by = by }
        end,
        network_of = function(client) return client:match("^%d+%.%d+%.%d+") .. ".0/24" end,
      },
      region = { traffic = function(identity)
        local of = flows[identity.route]
        return { minute = flow(of[1], of[2]), ten_s = flow(of[1], of[2]), in_flight = 1, hot_limit = 5,
                 sender_ten_s = flow(of_senders[identity.sender] or 0, 0, away[identity.sender]) }
      end },
      snapshots = { routes_of = function(service) return service == "s" and { "a", "b", "c" } or {} end },
    }
    for name, stub in pairs(stubs) do
      package.loaded[MODULE .. name] = stub
    end
    for _, name in ipairs(REAL) do
      package.loaded[MODULE .. name] = dofile("lua/kong/plugins/threat-agent/" .. name .. ".lua")
    end
    named = package.loaded[MODULE .. "traffic_of_named"].named
    effect = dofile("lua/kong/plugins/threat-agent/effect.lua")
    for _, name in ipairs(REAL) do
      package.loaded[MODULE .. name] = nil
    end
    for name in pairs(stubs) do
      package.loaded[MODULE .. name] = nil
    end
  end)


  before_each(function()
    of_senders, away, usual = {}, {}, {}
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


  describe("is to leave the good of others alone:", function()
    local place = { workspace = "w", service = "s", route = "a" }
    local SCRAPERS = { { client = "192.0.2.1" }, { client = "198.51.100.1" } }

    before_each(function()
      flows = { a = { 1000, 0 }, b = { 10, 0 }, c = { 10, 0 } }
      of_senders = { ["192.0.2.1"] = 800, ["192.0.2.0/24"] = 950, ann = 700 }
    end)

    it("not what the named send, however well it goes", function()
      assert.equal(200, effect.measure({ place = place, clients = { "192.0.2.1" } }).good)
      assert.equal(300, effect.measure({ place = place, by = "consumer", clients = { "ann" } }).good)
    end)

    it("what others in a named network send", function()
      local record = { place = place, by = "network", clients = { "192.0.2.0/24" } }
      assert.equal(1000, effect.measure(record).good)
      record.named = named(record, SCRAPERS)
      assert.equal(200, effect.measure(record).good)
    end)

    it("who is named where more than clients are meant", function()
      for _, case in ipairs({
        { { by = "network", clients = { "192.0.2.0/24", "203.0.113.0/24" } }, { "192.0.2.1" } },
        { { by = "consumer", clients = { "ann", "bob" } }, { "192.0.2.1", "198.51.100.1" } },
        { { by = "client_ip", clients = { "192.0.2.1" } }, nil },
        { { clients = { "192.0.2.1" } }, nil },
        { {}, nil },
      }) do
        assert.same(case[2], named(case[1], SCRAPERS))
      end
    end)

    it("who of them comes, refused or not", function()
      local record = { place = place, by = "network", clients = { "192.0.2.0/24" }, named = { "192.0.2.1" } }
      assert.equal(200, effect.measure(record).requests)
      flows.a, of_senders = { 100, 0 }, {}
      away = { ["192.0.2.0/24"] = 950, ["192.0.2.1"] = 800 }
      assert.equal(250, effect.measure(record).requests)
      assert.equal(100, effect.measure({ place = place, clients = { "192.0.2.1" } }).requests)
    end)

    it("who finds no route any more, where one was narrowed", function()
      flows[""] = { 70, 70 }
      assert.equal(1070, effect.measure({ place = place, action = "restrict_route" }).requests)
      assert.equal(1000, effect.measure({ place = place, action = "reroute" }).requests)
    end)

    it("of a crowd not more than is usual, where that is known", function()
      local record = { place = place }
      assert.equal(1000, effect.measure(record).good)
      usual.a = { per_s = 15, is_mature = true }
      assert.equal(150, effect.measure(record).good)
      assert.equal(150, effect.measure({ place = place, clients = { "192.0.2.1" } }).good)
      record.target = "service"
      assert.equal(1020, effect.measure(record).good)
      usual.b, usual.c = { per_s = 1, is_mature = true }, { per_s = 2, is_mature = false }
      assert.equal(1020, effect.measure(record).good)
      usual.c.is_mature = true
      assert.equal(180, effect.measure(record).good)
    end)
  end)


  local BEFORE = { harm = 100, good = 200, failed = 2, requests = 205 }

  for _, case in ipairs({
    { "helps where the harm is gone and the good goes on", { harm = 0, good = 190, failed = 2, requests = 200 }, "improved" },
    { "helps where few come, and those are served", { harm = 0, good = 40, failed = 0, requests = 42 }, "improved" },
    { "does nothing where the harm goes on", { harm = 90, good = 200, failed = 2, requests = 205 }, "none" },
    { "harms where the good goes down with it", { harm = 0, good = 60, failed = 2, requests = 200 }, "harmful" },
    { "harms where few come, and those are not served", { harm = 0, good = 0, failed = 0, requests = 25 }, "harmful" },
    { "is not blamed for what fails by itself", { harm = 0, good = 60, failed = 130, requests = 200 }, "improved" },
    { "is blamed for what does not even fail", { harm = 0, good = 20, failed = 60, requests = 200 }, "harmful" },
    { "is not judged by nobody", { harm = 0, good = 0, failed = 0, requests = 0 }, "unknown", true },
    { "is not judged by next to nobody", { harm = 0, good = 0, failed = 0, requests = 19 }, "unknown", true },
    { "does nothing where only the harm goes on", { harm = 90, good = 0, failed = 0, requests = 0 }, "none" },
  }) do
    it(case[1], function()
      assert.same({ case[3], case[4] or false }, { effect.judge(BEFORE, case[2]) })
    end)
  end


  it("that lets its clients' innocent requests pass is not judged by what goes on", function()
    local function judged(harm, good)
      return (effect.judge(BEFORE, { harm = harm, good = good, failed = 2, requests = 200, is_partly_good = true }))
    end
    assert.equal("unknown", judged(90, 200))
    assert.equal("improved", judged(0, 200))
    assert.equal("harmful", judged(90, 60))
  end)


  it("that sets back what stood is not blamed for who has gone, but for what then fails", function()
    local before = { harm = 0.6, good = 80, requests = 200, failed = 0 }
    for result, after in pairs({
      improved = { harm = 0, good = 5, requests = 5, failed = 0, sets_back = true },
      harmful = { harm = 0.9, good = 10, requests = 100, failed = 0, sets_back = true },
      none = { harm = 0.6, good = 40, requests = 100, failed = 0, sets_back = true },
    }) do
      assert.equal(result, (effect.judge(before, after)))
    end
  end)


  it("on hardly any traffic is judged by the harm alone", function()
    assert.equal("improved", (effect.judge({ harm = 10, good = 19, requests = 19 },
                                            { harm = 0, good = 0, requests = 0 })))
  end)
end)
