-- What the node says of itself, and what it costs to ask.


local MODULE = "kong.plugins.threat-agent."
local UNWRITABLE = "could not write /kong/threat-agent/probe: Permission denied"


describe("the status", function()
  local status, now, looks, is_writable
  local former_now

  before_each(function()
    now, looks, is_writable = 1000, 0, true
    _G.ngx = _G.ngx or {}
    former_now = _G.ngx.now
    _G.ngx.now = function() return now end
    local stubs = {
      action_list = { summary = function() end },
      baselines = { summary = function() end },
      configuration = { get = function() end },
      files = { can_write = function()
        looks = looks + 1
        return is_writable or nil, not is_writable and UNWRITABLE or nil
      end },
      guard = { instances = function() return { enforce = 1 } end },
      library = { load = function() return true end },
      region = { node = function() return { shared = true, requests = 0 } end },
      request = { client_ip_is_forgeable = function() return false end },
      self_test = { result = function() return { passed = true } end },
      tally = { read = function() return {} end },
    }
    for name, stub in pairs(stubs) do
      package.loaded[MODULE .. name] = stub
    end
    status = dofile("lua/kong/plugins/threat-agent/status.lua")
    for name in pairs(stubs) do
      package.loaded[MODULE .. name] = nil
    end
  end)

  after_each(function()
    _G.ngx.now = former_now
  end)


  it("tries the folder once in ten seconds, however often it is asked", function()
    for _ = 1, 20 do
      assert.is_nil(status.get().warning)
      now = now + 0.5
    end
    assert.equal(1, looks)
  end)


  it("tells within ten seconds that the folder cannot be written to, and that it can again", function()
    status.get()
    is_writable, now = false, now + 10
    assert.matches(UNWRITABLE, status.get().warning, 1, true)
    assert.matches(UNWRITABLE, status.get().warning, 1, true)
    is_writable, now = true, now + 10
    assert.is_nil(status.get().warning)
  end)


  it("tries it at once where the clock was set back", function()
    status.get()
    is_writable, now = false, now - 3600
    assert.matches(UNWRITABLE, status.get().warning, 1, true)
  end)
end)
