-- What log plugins are told of a verdict.


local MODULE = "kong.plugins.threat-agent."


describe("a record", function()
  local record, told
  local former_kong

  before_each(function()
    former_kong = _G.kong
    _G.kong = { log = { set_serialize_value = function(_, value) told = value end } }
    local stubs = { span = { write = function() end }, tally = { verdict = function() end } }
    for name, stub in pairs(stubs) do
      package.loaded[MODULE .. name] = stub
    end
    record = dofile("lua/kong/plugins/threat-agent/record.lua")
    for name in pairs(stubs) do
      package.loaded[MODULE .. name] = nil
    end
  end)

  after_each(function()
    _G.kong = former_kong
  end)


  for _, case in ipairs({
    { "a clean verdict", { action = "allow" }, "allow" },
    { "no verdict", nil, "uninspected" },
    { "one that failed before all was seen", { action = "allow", failed = true }, "uninspected" },
    { "one that failed and says why something is suspicious",
      { action = "allow", failed = true, rules = { "outlier.parameter" } }, "uninspected" },
    { "one that failed and had found enough", { action = "tag", failed = true, rules = { "sqli.union" } }, "tag" },
  }) do
    it("of " .. case[1] .. " says " .. case[3], function()
      record.write({ mode = "enforce" }, case[2])
      assert.equal(case[3], told.verdict)
      assert.equal(case[2] and case[2].rules, told.rules)
    end)
  end
end)
