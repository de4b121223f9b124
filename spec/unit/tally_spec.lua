-- Counts of the node in Kong's dictionary, which is a table here: each worker has a module of its own.


local FOLDER = "lua/kong/plugins/threat-agent/"
local NATIVE = "kong.plugins.threat-agent.native"


describe("the node's tally", function()
  local former_ngx, former_kong, former_native, values

  local function worker()
    return dofile(FOLDER .. "tally.lua")
  end

  before_each(function()
    former_ngx, former_kong, former_native = _G.ngx, _G.kong, package.loaded[NATIVE]
    values = {}
    _G.ngx = { shared = { kong = {
      get = function(_, key) return values[key] end,
      set = function(_, key, value)
        values[key] = value
        return true
      end,
      add = function(_, key, value)
        if values[key] ~= nil then
          return nil, "exists"
        end
        values[key] = value
        return true
      end,
      incr = function(_, key, by, init)
        values[key] = (values[key] or init) + by
        return values[key]
      end,
    } } }
    _G.kong = {}
    package.loaded[NATIVE] = { take_timings = function() return { counts = {}, sum_s = 0 } end }
  end)

  after_each(function()
    _G.ngx, _G.kong, package.loaded[NATIVE] = former_ngx, former_kong, former_native
  end)

  it("adds what workers counted", function()
    local one, other = worker(), worker()
    one.add(1, "category", "abuse", "block")
    one.flush()
    other.add(2, "category", "abuse", "block")
    other.flush()
    assert.same({ category = { { 3, "abuse", "block" } } }, one.read())
  end)

  it("finds a series again that a worker which goes added to after a reload", function()
    local going = worker()
    going.add(1, "category", "abuse", "block")
    going.flush()
    for key in pairs(values) do
      values[key] = nil       -- what Kong's master does
    end
    going.add(1, "category", "abuse", "block")
    going.flush()

    local coming = worker()
    coming.add(1, "category", "abuse", "block")
    coming.flush()
    assert.same({ category = { { 2, "abuse", "block" } } }, coming.read())
  end)
end)
