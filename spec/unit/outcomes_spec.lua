-- Which steps are passed over by what came of them before.


local MODULE = "kong.plugins.threat-agent."


describe("a step", function()
  local outcomes, records
  local former_time = _G.ngx and _G.ngx.time
  local NOW_S = 200000
  local INCIDENT = { category = "abuse", workspace = "w", route = "r", service = "s" }
  local POLICY = { id = "p", steps = { {}, {} } }

  before_each(function()
    records = {}
    _G.ngx = _G.ngx or {}
    _G.ngx.time = function() return NOW_S end
    package.loaded[MODULE .. "agent.journal"] = { all = function() return records end }
    outcomes = dofile("lua/kong/plugins/threat-agent/agent/outcomes.lua")
    package.loaded[MODULE .. "agent.journal"] = nil
  end)

  after_each(function()
    _G.ngx.time = former_time
  end)


  -- Records of results, oldest first.
  local function came_to(results, fields)
    for _, result in ipairs(results) do
      local record = { result = result, policy = "p", step = 1, category = "abuse", created_s = NOW_S - 60,
                       place = { workspace = "w", route = "r", service = "s" } }
      for name, value in pairs(fields or {}) do
        record[name] = value
      end
      records[#records + 1] = record
    end
  end


  for _, case in ipairs({
    { "that was useless twice in a row is passed over", { "none", "harmful" }, { clients = {} }, true },
    { "that helped once before that, too", { "improved", "none", "none" }, nil, true },
    { "that helped the last time is taken", { "none", "none", "improved" }, nil, false },
    { "that was useless once is taken", { "none" }, nil, false },
    { "of which nothing is known is taken", { "unknown", "unknown" }, nil, false },
    { "that was useless long ago is taken", { "none", "none" }, { created_s = NOW_S - 86400 }, false },
    { "that was useless elsewhere is taken", { "none", "none" }, { place = { workspace = "w", route = "q", service = "s" } }, false },
    { "that was useless against something else is taken", { "none", "none" }, { category = "api_ddos" }, false },
    { "of another policy is another", { "none", "none" }, { policy = "q" }, false },
  }) do
    it(case[1], function()
      came_to(case[2], case[3])
      assert.equal(case[4], outcomes.was_useless_before(INCIDENT, POLICY, 1))
    end)
  end


  describe("that did harm to all who go there", function()
    local CASES = {
      { "is not taken again, against whatever", { "harmful" }, {}, true },
      { "is not, once it did so the last time", { "improved", "harmful" }, {}, true },
      { "is taken where it helped since", { "harmful", "improved" }, {}, false },
      { "is taken elsewhere", { "harmful" }, { place = { workspace = "w", route = "q", service = "s" } }, false },
      { "is taken where only its own clients felt it", { "harmful" }, { clients = { "192.0.2.1" } }, false },
    }

    for _, case in ipairs(CASES) do
      it(case[1], function()
        case[3].step, case[3].category = 2, "api_ddos"
        came_to(case[2], case[3])
        assert.equal(case[4], outcomes.was_useless_before(INCIDENT, POLICY, 2))
      end)
    end

    it("is a person's to approve", function()
      came_to({ "harmful" })
      assert.is_false(outcomes.was_useless_before(INCIDENT, { id = "p", approval = "required", steps = { {}, {} } }, 1))
    end)
  end)


  it("that is the last one is taken, whatever came of it", function()
    came_to({ "none", "none" }, { step = 2 })
    assert.is_false(outcomes.was_useless_before(INCIDENT, POLICY, 2))
  end)
end)
