-- Which policy is for an incident, and which of its steps are due.


local MODULE = "kong.plugins.threat-agent."

local HOUR_S = 3600


describe("the planner", function()
  local planner, former_ngx

  setup(function()
    former_ngx = _G.ngx
    _G.ngx = { null = {} }
    package.loaded[MODULE .. "vocabulary"] = dofile("lua/kong/plugins/threat-agent/vocabulary.lua")
    planner = dofile("lua/kong/plugins/threat-agent/agent/planner.lua")
    package.loaded[MODULE .. "vocabulary"] = nil
  end)

  teardown(function()
    _G.ngx = former_ngx
  end)


  local function incident(fields)
    local made = { id = "i", category = "abuse", severity = "high", confidence = 0.9, opened_s = 0,
                   route = "r", route_name = "login", service = "s", service_name = "shop" }
    for name, value in pairs(fields or {}) do
      made[name] = value
    end
    return made
  end

  local function policy(fields)
    local made = { id = "p", min_severity = "medium", min_confidence = 0.7, steps = {} }
    for name, value in pairs(fields or {}) do
      made[name] = value
    end
    return made
  end

  local function never()
    return false
  end

  local function numbers(due)
    local list = {}
    for i, one in ipairs(due) do
      list[i] = one.number
    end
    return list
  end


  for _, case in ipairs({
    { "all categories where it names none", {}, {}, true },
    { "its categories", { categories = { "abuse" } }, {}, true },
    { "no other category", { categories = { "api_ddos" } }, {}, false },
    { "its severity and graver ones", { min_severity = "high" }, {}, true },
    { "nothing milder", { min_severity = "critical" }, {}, false },
    { "its confidence and more", { min_confidence = 0.9 }, {}, true },
    { "nothing less certain", { min_confidence = 0.91 }, {}, false },
    { "a route by its name", { routes = { "login" } }, {}, true },
    { "a route by its id", { routes = { "r" } }, {}, true },
    { "no other route", { routes = { "checkout" } }, {}, false },
    { "a service by its name", { services = { "shop" } }, {}, true },
    { "no incident without a service where it names one", { services = { "shop" } },
      { service = "", service_name = "" }, false },
  }) do
    it("is for " .. case[1], function()
      assert.equal(case[4], planner.policy_for({ policy(case[2]) }, incident(case[3]), 0) ~= nil)
    end)
  end


  for _, case in ipairs({
    { "8-17", 7, false }, { "8-17", 8, true }, { "8-17", 16, true }, { "8-17", 17, false },
    { "22-6", 21, false }, { "22-6", 22, true }, { "22-6", 0, true }, { "22-6", 5, true }, { "22-6", 6, false },
    { "0-24", 0, true }, { "0-24", 23, true }, { "8-8", 7, true }, { "8-8", 8, true },
  }) do
    it("at " .. case[2] .. " o'clock knows what " .. case[1] .. " means", function()
      local found = planner.policy_for({ policy({ hours = case[1] }) }, incident(), (24 * 365 + case[2]) * HOUR_S + 59)
      assert.equal(case[3], found ~= nil)
    end)
  end


  it("takes the first policy that is for an incident", function()
    local policies = { policy({ id = "no", routes = { "x" } }), policy({ id = "a" }), policy({ id = "b" }) }
    assert.equal("a", planner.policy_for(policies, incident(), 0).id)
  end)


  it("finds a step due after its time, and the next at once after one that was of no use", function()
    local ladder = policy({ steps = { { after_s = 0 }, { after_s = 60 }, { after_s = 600 } } })
    assert.same({ 1 }, numbers(planner.due(ladder, 59, never)))
    assert.same({ 1, 2 }, numbers(planner.due(ladder, 60, never)))
    assert.same({ 2 }, numbers(planner.due(ladder, 5, function(number) return number == 1 end)))
  end)


  it("names the steps of another policy otherwise: an incident that grows graver gets all of them", function()
    local policies = {
      policy({ id = "hard", min_severity = "critical", steps = { { after_s = 0 } } }),
      policy({ id = "soft", steps = { { after_s = 0 } } }),
    }
    local taken = {}
    for _, severity in ipairs({ "medium", "critical", "critical" }) do
      local grown = incident({ severity = severity })
      local found = planner.policy_for(policies, grown, 0)
      for _, due in ipairs(planner.due(found, 0, never)) do
        taken[planner.id_of(grown, found, due.number)] = true
      end
    end
    assert.same({ ["i-soft-1"] = true, ["i-hard-1"] = true }, taken)
  end)
end)
