-- What the configuration was, as the last leader's file has it.


local cjson = require "cjson.safe"


local MODULE = "kong.plugins.threat-agent."


describe("snapshots", function()
  local snapshots, saved, standing
  local former_kong, former_ngx = _G.kong, _G.ngx

  before_each(function()
    saved = {}
    standing = { plugins = { { id = "p", name = "threat-agent" } }, routes = { { id = "r", name = "shop" } } }
    _G.kong = { log = { err = error, warn = error, notice = error } }
    _G.ngx = setmetatable({ null = cjson.null }, { __index = former_ngx })
    local stubs = {
      database = {
        each = function(kind)
          local at = 0
          return function()
            at = at + 1
            return (standing[kind] or {})[at]
          end
        end,
        workspace_of = function() return "w" end,
      },
      deck_history = {},
      entity_copy = function(entity) return { id = entity.id, name = entity.name } end,
      files = {
        CHANGES = "changes", SNAPSHOT = "snapshot",
        load = function(name) return saved[name] end,
        save = function(name, text)
          saved[name] = text
          return true
        end,
      },
      snapshot_files = { is_due = function() return false end, keep = function() return true end },
    }
    for name, stub in pairs(stubs) do
      package.loaded[MODULE .. name] = stub
    end
    package.loaded[MODULE .. "entities"] = dofile("lua/kong/plugins/threat-agent/entities.lua")
    snapshots = dofile("lua/kong/plugins/threat-agent/snapshots.lua")
    package.loaded[MODULE .. "entities"] = nil
    for name in pairs(stubs) do
      package.loaded[MODULE .. name] = nil
    end
  end)

  after_each(function()
    _G.kong, _G.ngx = former_kong, former_ngx
  end)


  it("tell what changed since the last leader's", function()
    assert.same({}, snapshots.follow(1000))
    standing.routes[1].name = "renamed"
    snapshots.open()
    local found = snapshots.follow(1001)
    assert.equal(1, #found)
    assert.equal("shop", found[1].before.name)
    assert.equal("renamed", found[1].after.name)
  end)


  it("begin anew where the last leader's is not whole", function()
    for _, odd in ipairs({ "5", "no JSON", "{}", '{"plugins":{"p":{"id":"p"}}}',
                           '{"plugins":{"p":{"id":"p"}},"routes":5,"services":{},"upstreams":{},"targets":{}}' }) do
      saved.snapshot = odd
      snapshots.open()
      assert.same({}, snapshots.follow(1000))
      assert.equal("shop", cjson.decode(saved.snapshot).routes.r.name)
    end
  end)
end)
