-- What goes to a place, by counts that are given for each of its routes.


local MODULE = "kong.plugins.threat-agent."


describe("traffic", function()
  local traffic_of

  local function flow(requests)
    return { requests = requests, errors = 0 }
  end

  setup(function()
    local flights = { a = 3, b = 4 }
    local stubs = {
      senders = { identity = function(place) return place end },
      region = { traffic = function(place)
        return { minute = flow(60), ten_s = flow(10), hot_limit = 5,
                 in_flight = flights[place.route], service_in_flight = 9 }
      end },
      snapshots = { routes_of = function(service) return service == "s" and { "a", "b" } or {} end },
    }
    for name, stub in pairs(stubs) do
      package.loaded[MODULE .. name] = stub
    end
    traffic_of = dofile("lua/kong/plugins/threat-agent/traffic_of.lua")
    for name in pairs(stubs) do
      package.loaded[MODULE .. name] = nil
    end
  end)


  it("of a route is its own", function()
    local traffic = traffic_of({ service = "s", route = "b" })
    assert.equal(60, traffic.minute.requests)
    assert.equal(4, traffic.in_flight)
  end)

  it("of a service is that of all its routes, and what is under way is counted for the service", function()
    local traffic = traffic_of({ service = "s", route = "b" }, "service")
    assert.equal(120, traffic.minute.requests)
    assert.equal(9, traffic.in_flight)
  end)

  it("of a service whose routes are not known is that of the place's own", function()
    local traffic = traffic_of({ service = "other", route = "a" }, "service")
    assert.equal(60, traffic.minute.requests)
    assert.equal(9, traffic.in_flight)
  end)
end)
