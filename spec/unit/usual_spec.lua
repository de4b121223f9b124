-- What a limit is where a policy gives no number.


local MODULE = "kong.plugins.threat-agent."


describe("the requests that no ordinary client exceeds", function()
  local usual, learned, routes

  setup(function()
    local stubs = {
      region = { traffic = function(identity) return { hot_limit = learned[identity.route] or 0 } end },
      senders = { identity = function(place) return place end },
      snapshots = { routes_of = function() return routes end },
    }
    for name, stub in pairs(stubs) do
      package.loaded[MODULE .. name] = stub
    end
    usual = dofile("lua/kong/plugins/threat-agent/actions/usual.lua")
    for name in pairs(stubs) do
      package.loaded[MODULE .. name] = nil
    end
  end)

  for _, case in ipairs({
    { "on a route are what was learned there", { login = 2 }, {}, nil, 12 },
    { "are many where nothing was learned", {}, {}, nil, 600 },
    { "on a service are those of all of its routes", { login = 2, shop = 30 }, { "login", "shop" }, "service", 192 },
    { "on a service with a route that is not known yet are many", { login = 2 }, { "login", "shop" }, "service", 612 },
    { "on a service whose routes are not known are the route's", { login = 2 }, {}, "service", 12 },
  }) do
    it(case[1], function()
      learned, routes = case[2], case[3]
      local place = { workspace = "w", service = "s", route = "login" }
      assert.equal(case[5], usual.requests(place, 60, case[4]))
      assert.equal(math.max(1, math.floor(case[5] / 60)), usual.requests(place, 1, case[4]))
    end)
  end
end)
