-- Which policy is for an incident, by the consumers that it names.


local MODULE = "kong.plugins.threat-agent."


describe("a policy for consumers", function()
  local planner

  setup(function()
    package.loaded[MODULE .. "owners"] = { of = function(_, id) return id, id .. "-name" end }
    package.loaded[MODULE .. "vocabulary"] = dofile("lua/kong/plugins/threat-agent/vocabulary.lua")
    _G.ngx = _G.ngx or {}
    planner = dofile("lua/kong/plugins/threat-agent/agent/planner.lua")
    package.loaded[MODULE .. "owners"], package.loaded[MODULE .. "vocabulary"] = nil, nil
  end)


  for _, case in ipairs({
    { "is for an incident that names one by id", { "ann" }, { { by = "consumer", id = "ann" } }, true },
    { "is for an incident that names one by name", { "eve", "ann-name" },
      { { by = "session", id = "x" }, { by = "consumer", id = "ann" } }, true },
    { "is for no incident of others", { "ann" }, { { by = "consumer", id = "bob" } }, false },
    { "is for no incident of what is called alike", { "ann" }, { { by = "credential", id = "ann" } }, false },
    { "is for no incident that names nobody", { "ann" }, nil, false },
    { "that lists none is for all", {}, nil, true },
    { "that says nothing is for all", nil, nil, true },
  }) do
    it(case[1], function()
      local policy = { min_severity = "low", min_confidence = 0, consumers = case[2] }
      local incident = { category = "abuse", severity = "high", confidence = 1, top_senders = case[3] }
      assert.equal(case[4], planner.policy_for({ policy }, incident, 0) == policy)
    end)
  end
end)
