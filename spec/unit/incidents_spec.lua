-- Incidents as workers read them from the region.


local MODULE = "kong.plugins.threat-agent."


describe("incidents", function()
  local incidents, published, logged, raising
  local former_kong

  before_each(function()
    published, logged, raising = {}, {}, nil
    former_kong = _G.kong
    _G.kong = { log = { err = function(...) logged[#logged + 1] = table.concat({ ... }) end } }
    local stubs = {
      findings = { about = function()
        if raising then
          error(raising, 0)
        end
        return { "no upstream" }
      end },
      library = { load = function() return true end },
      names = { add = function() end },
      region = { next_incident = function(since)
        if published[since + 1] then
          return published[since + 1], since + 1
        end
      end },
    }
    for name, stub in pairs(stubs) do
      package.loaded[MODULE .. name] = stub
    end
    incidents = dofile("lua/kong/plugins/threat-agent/incidents.lua")
    for name in pairs(stubs) do
      package.loaded[MODULE .. name] = nil
    end
  end)

  after_each(function()
    _G.kong = former_kong
  end)


  local function numbers()
    local listed = {}
    for _, incident in ipairs(incidents.list()) do
      listed[#listed + 1] = incident.number
    end

    return listed
  end


  it("are read also where not all can be said of them, which is told once", function()
    raising = "a file that is odd"
    published = { '{"number":1,"category":"route_misconfiguration","reasons":null}', '{"number":2}' }
    local incident, sequence = incidents.next(0)
    assert.same({ 1, 1, {} }, { incident.number, sequence, incident.reasons })
    assert.same({ 2, 1 }, numbers())
    assert.same({ "could not complete the incident at sequence 1: a file that is odd" }, logged)
    raising = nil
    assert.same({ "found in the configuration (no upstream)" }, incidents.next(0).reasons)
  end)


  for what, text in pairs({ ["no JSON"] = '{"number":2,', ["no object"] = "2" }) do
    it("behind one that is " .. what .. " are read, and that one is told once", function()
      published = { '{"number":1}', text, '{"number":3}', text }
      local incident, sequence = incidents.next(1)
      assert.same({ 3, 3 }, { incident.number, sequence })
      assert.is_nil(incidents.next(3))
      assert.same({ 3, 1 }, numbers())

      published[5] = '{"number":5}'
      assert.same({ 5, 3, 1 }, numbers())
      assert.equal(2, #logged)
      assert.matches("sequence 2", logged[1])
      assert.matches("sequence 4", logged[2])
    end)
  end
end)
