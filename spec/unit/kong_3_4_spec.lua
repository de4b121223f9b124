-- What Kong 3.4 does not tell by itself, with a runloop that is a table.


local PATH = "lua/kong/plugins/threat-agent/kong_3_4.lua"
local RUNLOOP = "kong.runloop.handler"


describe("where Kong has no phase `configure`", function()
  local iterator, given, timers, logged
  local former_kong, former_timer = _G.kong, _G.ngx and _G.ngx.timer

  local function of(combos)
    return { ws = { DEFAULT = { combos = combos }, TEAM = { combos = {} } } }
  end

  local function follow()
    dofile(PATH).follow(function(confs) given[#given + 1] = confs end)
  end

  local function tick()
    for _, timer in ipairs(timers) do
      timer.fn(false, timer.arg)
    end
  end

  before_each(function()
    given, timers, logged = {}, {}, {}
    iterator = of({ ["threat-agent"] = { ["::"] = { mode = "enforce" } }, other = { ["::"] = {} } })
    _G.ngx = _G.ngx or {}
    local function timer(_, fn, arg)
      timers[#timers + 1] = { fn = fn, arg = arg }
      return true
    end
    _G.ngx.timer = { at = timer, every = timer }
    _G.kong = {
      version_num = 3004002,
      configuration = { role = "traditional", proxy_listeners = { {} } },
      log = {
        err = function(...) logged[#logged + 1] = table.concat({ ... }) end,
        warn = function(...) logged[#logged + 1] = table.concat({ ... }) end,
      },
      vault = { update = function(conf)
        conf.secret = "from the vault"
        return conf
      end },
    }
    package.loaded[RUNLOOP] = { get_plugins_iterator = function() return iterator end }
  end)

  after_each(function()
    _G.kong, _G.ngx.timer, package.loaded[RUNLOOP] = former_kong, former_timer, nil
  end)


  it("all confs are told, with workspace and secrets, and again when they have changed", function()
    follow()
    tick()
    tick()
    assert.same({ { { mode = "enforce", __ws_id = "DEFAULT", secret = "from the vault" } } }, given)
    assert.equal(iterator.ws.DEFAULT.combos["threat-agent"]["::"], given[1][1])

    iterator = of({})
    tick()
    assert.same({}, given[2])
  end)


  it("a shape that is another is said once", function()
    iterator = {}
    follow()
    tick()
    tick()
    assert.equal(1, #logged)
    assert.same({}, given)
  end)


  it("nothing is followed by a later Kong, nor where no traffic is", function()
    _G.kong.version_num = 3005000
    follow()
    _G.kong.version_num = 3004002
    _G.kong.configuration.role = "control_plane"
    follow()
    _G.kong.configuration = { role = "traditional", proxy_listeners = {} }
    follow()
    assert.same({}, timers)
  end)


  it("requests tell where there is no such list, which is said once", function()
    package.loaded[RUNLOOP] = {}
    follow()
    assert.same({}, timers)
    assert.equal(1, #logged)
  end)
end)
