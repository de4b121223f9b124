-- What is known of workspaces, by entities that are tables.


describe("a workspace", function()
  local database, workspaces, failure
  local former_kong, former_ngx = _G.kong, _G.ngx

  before_each(function()
    workspaces, failure = { { id = "d" }, { id = "w" } }, nil
    _G.ngx = setmetatable({ null = require("cjson").null }, { __index = former_ngx })
    _G.kong = { default_workspace = "d", db = { workspaces = {
      each = function()
        local at = 0
        return function()
          at = at + 1
          if failure and at == 1 then
            return false, failure
          end
          return workspaces[at]
        end
      end,
    } } }
    database = dofile("lua/kong/plugins/threat-agent/database.lua")
  end)

  after_each(function()
    _G.kong, _G.ngx = former_kong, former_ngx
  end)


  it("is gone where others are there, and it is not", function()
    assert.is_false(database.is_gone("w"))
    assert.is_true(database.is_gone("x"))
  end)


  it("is not known to be gone where none are there yet, as on a data plane before its configuration has come", function()
    workspaces = {}
    assert.is_false(database.is_gone("w"))
    workspaces = { { id = "of another default" } }
    assert.is_false(database.is_gone("w"))
    _G.kong.db.workspaces = nil
    assert.is_false(database.is_gone("w"))
  end)


  it("is not known to be gone where they cannot be read", function()
    failure = "the database is away"
    assert.is_false(database.is_gone("x"))
  end)
end)
