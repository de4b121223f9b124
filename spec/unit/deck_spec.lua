-- An action's changes as decK takes them.


local lyaml = require "lyaml"


describe("a decK file", function()
  local deck, null
  local former_ngx = _G.ngx

  setup(function()
    null = require("cjson").null
    _G.ngx = { null = null }
    deck = dofile("lua/kong/plugins/threat-agent/deck.lua")
  end)

  teardown(function()
    _G.ngx = former_ngx
  end)


  -- Returns the document and its text.
  local function rendered(...)
    local text = deck.render({ id = "i-p-1", action = "a", title = "t", changes = { ... } })
    return lyaml.load(text), text
  end


  it("says which fields are to be unset", function()
    local document = rendered({ op = "patch", kind = "plugins", id = "p",
                                set = { config = { replace = { uri = null } }, enabled = true }, before = {} })
    assert.same({ { id = "p", enabled = true, config = { replace = { uri = lyaml.null } } } }, document.plugins)
  end)


  it("leaves what is made without nulls, and without an end that the agent would see to", function()
    local document = rendered({ op = "create", kind = "plugins", id = "p", entity = {
      name = "acl", route = { id = "r" }, config = { deny = { "x" }, allow = null },
      tags = { "threat-agent", "incident:i", "expires:5" },
    } })
    assert.same({ { id = "p", name = "acl", route = "r", config = { deny = { "x" } },
                    tags = { "threat-agent", "incident:i" } } }, document.plugins)
  end)


  it("has targets below their upstream, and groups below their consumer", function()
    local document = rendered(
      { op = "patch", kind = "upstreams/u/targets", id = "t1", set = { weight = 0 } },
      { op = "patch", kind = "targets", upstream = "u", id = "t2", set = { weight = 0 } },
      { op = "create", kind = "acls", id = "a1", entity = { group = "blocked", consumer = { id = "c" }, tags = {} } })
    assert.same({
      _format_version = "3.0",
      upstreams = { { id = "u", targets = { { id = "t1", weight = 0 }, { id = "t2", weight = 0 } } } },
      consumers = { { id = "c", acls = { { id = "a1", group = "blocked", tags = {} } } } },
    }, document)
  end)


  it("says that code is to be added", function()
    local document, text = rendered({ op = "insert", kind = "plugins", id = "p", option = "access", value = "return" })
    assert.same({ { id = "p", config = { access = { "return" } } } }, document.plugins)
    assert.matches("# config.access of p: to be added to what stands there\n", text, 1, true)
  end)


  it("has nothing of what stays in memory", function()
    assert.same({ _format_version = "3.0" }, (rendered({ op = "ban", ban = {} })))
  end)
end)
