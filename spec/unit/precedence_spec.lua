-- Which route loses requests when another one asks for more: as Kong's routers order them.


require "spec.support.plugin"


local FILE = "lua/kong/plugins/threat-agent/actions/precedence.lua"
local DATABASE = "kong.plugins.threat-agent.database"


describe("a route that asks for more", function()
  local former, former_kong, others

  setup(function()
    former, former_kong = package.loaded[DATABASE], _G.kong
    _G.kong = { configuration = { router_flavor = "traditional_compatible" } }
    package.loaded[DATABASE] = {
      each = function()
        local i = 0
        return function()
          i = i + 1
          if others[i] == false then
            return false, "no database"
          end
          return others[i]
        end
      end,
    }
  end)

  teardown(function()
    package.loaded[DATABASE], _G.kong = former, former_kong
  end)


  local function loser(route, set)
    route.id = "5c1d3b0a-0000-4000-8000-000000000005"
    return dofile(FILE)(route, set)
  end

  local ROOT, METHODS = { paths = { "/" } }, { methods = { "GET" } }


  for _, case in ipairs({
    { "takes those of a longer path", ROOT, METHODS, { paths = { "/admin" } }, true },
    { "leaves alone what has another path", { paths = { "/shop" } }, METHODS, { paths = { "/admin" } }, false },
    { "and what it goes before already", { paths = { "/shop/a" } }, METHODS, { paths = { "/shop" } }, false },
    { "and what still goes before it", ROOT, METHODS, { paths = { "/a" }, methods = { "GET" }, hosts = { "a.test" } }, false },
    { "and what takes other methods", ROOT, METHODS, { paths = { "/a" }, methods = { "PUT" } }, false },
    { "and what has other hosts", { paths = { "/" }, hosts = { "a.test" } }, METHODS, { paths = { "/a" }, hosts = { "b.test" } },
      false },
    { "takes those of a host that a wildcard means, too", { paths = { "/" }, hosts = { "*.test" } }, METHODS,
      { paths = { "/a" }, hosts = { "a.test" } }, true },
    { "and of the same host with a port", { paths = { "/" }, hosts = { "a.test" } }, METHODS,
      { paths = { "/a" }, hosts = { "a.test:8443" } }, true },
    { "and of a regular expression", { paths = { "/shop" } }, METHODS, { paths = { "~/s.*" } }, true },
    { "and of a route by host alone", ROOT, METHODS, { hosts = { "a.test" } }, true },
    { "leaves a longer path first where both have as many kinds", ROOT, METHODS,
      { paths = { "/a" }, methods = { "GET" } }, false },
    { "takes those of a longer path by one header more", { paths = { "/" }, headers = { a = { "1" } } },
      { headers = { a = { "1" }, b = { "2" } } }, { paths = { "/a" }, headers = { a = { "1" } } }, true },
    { "takes none by fewer of what it asks for already", { paths = { "/" }, methods = { "GET", "PUT" } }, METHODS,
      { paths = { "/a" }, methods = { "GET" } }, false },
    { "leaves streams alone", ROOT, METHODS, { protocols = { "tcp" } }, false },
  }) do
    it(case[1], function()
      case[4].id, case[4].name = "5c1d3b0a-0000-4000-8000-000000000001", "other"
      others = { case[4] }
      assert.equal(case[5] and "other" or false, (loser(case[2], case[3])))
    end)
  end


  it("is no rival of itself", function()
    others = { { id = "5c1d3b0a-0000-4000-8000-000000000005", paths = { "/" } } }
    assert.is_false(loser(ROOT, METHODS))
  end)


  it("waits where the others cannot be read", function()
    others = { false }
    assert.same({ nil, "could not read the routes: no database", true }, { loser(ROOT, METHODS) })
  end)
end)
