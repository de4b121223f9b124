-- Which operations stand out, from a file of profiles that is a text.


local cjson = require "cjson.safe"


local MODULE = "kong.plugins.threat-agent."
local NOW_S = 100 * 86400


describe("operations that stand out", function()
  local operations, looked_up, now
  local former = {}

  local function operation(name, fields)
    local made = { name = name, changes = 5, first_s = 1, last_s = NOW_S - 60, documented = true, deprecated = false }
    for field, value in pairs(fields or {}) do
      made[field] = value
    end
    return made
  end

  before_each(function()
    _G.ngx = _G.ngx or {}
    former.time, former.now = _G.ngx.time, _G.ngx.now
    now, looked_up = 1000, {}
    _G.ngx.time = function() return NOW_S end
    _G.ngx.now = function() return now end
    local routes = {
      { workspace = "a", route = "shop", first_s = 1, last_s = NOW_S - 60, operations = {
        operation("GET /known"), operation("GET /shadow", { documented = false }),
        operation("GET /one-client", { documented = false, changes = 1 }), operation("GET /old", { deprecated = true }),
        operation("GET /over", { deprecated = true, last_s = 1 }),
      } },
      { workspace = "b", route = "idle", first_s = 2, last_s = 3, operations = {} },
      { workspace = "b", route = "gone", first_s = 2, last_s = 3, operations = {} },
      { workspace = "b", route = "fine", first_s = 2, last_s = NOW_S, operations = { operation("GET /known") } },
    }
    local stubs = {
      files = { PROFILES = "profiles", load = function() return cjson.encode({ routes = routes }) end },
      names = {
        route = function(id)
          looked_up[#looked_up + 1] = id
          return id ~= "gone" and "the " .. id or nil
        end,
      },
    }
    for name, stub in pairs(stubs) do
      package.loaded[MODULE .. name] = stub
    end
    operations = dofile("lua/kong/plugins/threat-agent/operations.lua")
    for name in pairs(stubs) do
      package.loaded[MODULE .. name] = nil
    end
  end)

  after_each(function()
    _G.ngx.time, _G.ngx.now = former.time, former.now
  end)


  local function told(list)
    local texts = {}
    for i, one in ipairs(list) do
      texts[i] = (one.operation or "all") .. " of " .. one.route_name
    end
    return texts
  end


  it("are shadows of the document and zombies, of routes that are there", function()
    local found = operations.list()
    assert.same({ "GET /shadow of the shop" }, told(found.shadow))
    assert.same({ "GET /old of the shop", "all of the idle" }, told(found.zombie))
    assert.same({}, told(operations.list("b").shadow))
    assert.same({ "all of the idle" }, told(operations.list("b").zombie))
  end)


  it("are looked for now and then, however often they are shown", function()
    for _ = 1, 15 do
      operations.list()
      now = now + 1
    end
    assert.same({ "shop", "idle", "gone" }, looked_up)
    now = now + 30
    operations.list()
    assert.equal(6, #looked_up)
  end)
end)
