-- What came of an action, by counts that are given.


local MODULE = "kong.plugins.threat-agent."


describe("an action", function()
  local effect

  setup(function()
    package.loaded[MODULE .. "region"], package.loaded[MODULE .. "senders"] = {}, {}
    effect = dofile("lua/kong/plugins/threat-agent/effect.lua")
    package.loaded[MODULE .. "region"], package.loaded[MODULE .. "senders"] = nil, nil
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
