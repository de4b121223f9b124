-- How changes of the configuration are followed.


local MODULE = "kong.plugins.threat-agent."


describe("a change of the configuration", function()
  local changes, now, found, unreadable, reviews, noted, full
  local former_kong, former = nil, {}

  before_each(function()
    now, found, unreadable, reviews, noted, full = 1000, {}, nil, 0, 0, nil
    former_kong = _G.kong
    _G.kong = {}
    _G.ngx = _G.ngx or {}
    former = { now = _G.ngx.now, time = _G.ngx.time }
    _G.ngx.now = function() return now end
    _G.ngx.time = _G.ngx.now
    local stubs = {
      ["agent.journal"] = { has_changed = function() return false end },
      ["agent.reviewer"] = { review = function()
        reviews = reviews + 1
        return not full or nil, full
      end },
      elapsed = dofile("lua/kong/plugins/threat-agent/elapsed.lua"),
      region = { note_change = function()
        noted = noted + 1
        return true
      end },
      settings = { look_up = function() end },
      snapshots = {
        open = function() return true end, describe = function() return "" end, save_changes = function() end,
        follow = function()
          if unreadable then
            return nil, unreadable
          end
          return found, {}
        end,
      },
    }
    for name, stub in pairs(stubs) do
      package.loaded[MODULE .. name] = stub
    end
    changes = dofile("lua/kong/plugins/threat-agent/agent/changes.lua")
    for name in pairs(stubs) do
      package.loaded[MODULE .. name] = nil
    end
    assert.is_true(changes.follow())
    reviews = 0
  end)

  after_each(function()
    _G.kong, _G.ngx.now, _G.ngx.time = former_kong, former.now, former.time
  end)


  -- Lets seconds go by, each with a look.
  local function pass(seconds)
    for _ = 1, seconds do
      now = now + 1
      changes.follow()
    end
  end


  it("that is marked is reviewed at once, and one that is not within half a minute where it shows", function()
    changes.plugins_configured()
    pass(1)
    assert.equal(1, reviews)
    found = { { id = "r" } }
    pass(29)
    assert.same({ 1, 0 }, { reviews, noted })
    pass(1)
    assert.same({ 2, 1 }, { reviews, noted })
  end)


  it("that is marked while the configuration cannot be read is reviewed when it can, also where it shows nothing", function()
    unreadable = "the database is away"
    changes.plugins_configured()
    pass(40)
    unreadable = nil
    pass(30)
    assert.equal(1, reviews)
    pass(60)
    assert.equal(1, reviews)
  end)


  it("is reviewed again where what was found could not be kept", function()
    full = "no space left on device"
    changes.plugins_configured()
    pass(31)
    assert.equal(2, reviews)
    full = nil
    pass(30)
    assert.equal(3, reviews)
    pass(60)
    assert.equal(3, reviews)
  end)
end)
