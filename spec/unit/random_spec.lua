describe("random bytes", function()
  local random = dofile("lua/kong/plugins/threat-agent/random.lua")

  it("are as many as asked for, and others each time", function()
    for _, number in ipairs({ 1, 16, 32 }) do
      assert.equal(number, #random(number))
    end
    assert.is_true(random(16) ~= random(16))
  end)
end)
