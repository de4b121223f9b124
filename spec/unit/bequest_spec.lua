-- What nodes leave in a store for each other, read as what somebody else may have written.


local cjson = require "cjson.safe"


local MODULE = "kong.plugins.threat-agent."


describe("what nodes leave for each other", function()
  local bequest, texts

  before_each(function()
    texts = {}
    package.loaded[MODULE .. "stores"] = { held = function() return texts end }
    bequest = dofile("lua/kong/plugins/threat-agent/agent/bequest.lua")
    package.loaded[MODULE .. "stores"] = nil
  end)


  it("is read where it is whole, whatever else lies there", function()
    local whole = { node = "n", id = "i", expires_s = 1000, workspace = "w",
                    changes = { { op = "patch", kind = "routes", id = "r", set = {}, before = {} } } }
    texts = { "5", "no JSON", "null", "{}", cjson.encode(whole) }
    for name, odd in pairs({ node = 5, id = false, expires_s = "soon", workspace = {}, changes = { "x" } }) do
      local broken = cjson.decode(cjson.encode(whole))
      broken[name] = odd
      texts[#texts + 1] = cjson.encode(broken)
    end
    assert.same({ whole }, bequest.list({ store = { type = "redis" } }))
    assert.same({}, bequest.list({}))
  end)
end)
