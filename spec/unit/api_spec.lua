-- The views on the Admin API: what Kong hands on encoded is decoded, and nothing twice.


local MODULE = "kong.plugins.threat-agent."


describe("the Admin API's part", function()
  local routes, asked
  local former_kong, former_ngx = nil, {}

  local function view(ask)
    asked = ask
    return 200, {}
  end

  setup(function()
    former_kong = _G.kong
    _G.kong = {
      client = { get_ip = function() return "192.0.2.1" end },
      response = { exit = function(status) return status end },
    }
    _G.ngx = _G.ngx or {}
    former_ngx = { ctx = _G.ngx.ctx, unescape_uri = _G.ngx.unescape_uri }
    _G.ngx.ctx = {}
    _G.ngx.unescape_uri = function(text)
      return (text:gsub("%%(%x%x)", function(code) return string.char(tonumber(code, 16)) end))
    end

    local stubs = {
      companion = { ROUTES = {} },
      views = {
        ROUTES = { ["/bans/:client"] = { DELETE = view }, ["/bans"] = { POST = view } },
        workspace = function() return nil end,
      },
    }
    for name, stub in pairs(stubs) do
      package.loaded[MODULE .. name] = stub
    end
    routes = dofile("lua/kong/plugins/threat-agent/api.lua")
    for name in pairs(stubs) do
      package.loaded[MODULE .. name] = nil
    end
  end)

  teardown(function()
    _G.kong = former_kong
    for name in pairs({ ctx = true, unescape_uri = true }) do
      _G.ngx[name] = former_ngx[name]
    end
  end)


  it("decodes what stands in a path", function()
    assert.equal(200, routes["/threat-agent/bans/:client"].DELETE({ params = { client = "192.0.2.0%2F24", by = "network" } }))
    assert.same({ "192.0.2.0/24", "network" }, { asked.params.client, asked.query.by })
  end)


  it("takes queries and bodies as they are", function()
    local given = { client = "100%25", reason = "a%2Fb", ttl_s = 60 }
    assert.equal(200, routes["/threat-agent/bans"].POST({ params = given }))
    assert.same({ given, given }, { asked.query, asked.body })
    assert.same({}, asked.params)
  end)
end)
