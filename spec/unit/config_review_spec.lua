-- What the review of a configuration finds, and what it leaves alone: without a gateway.


require "spec.support.plugin"


_G.ngx = _G.ngx or { null = require("cjson").null }
local config_review = require "kong.plugins.threat-agent.config_review"
local null = _G.ngx.null


-- Gives entities what Kong would: ids are names.
local function complete(config)
  local all = {}
  for _, kind in ipairs({ "services", "routes", "plugins", "upstreams", "targets" }) do
    all[kind] = config[kind] or {}
    for i, entity in ipairs(all[kind]) do
      entity.id = entity.id or entity.name and kind ~= "plugins" and entity.name or kind .. i
      entity.ws_id = entity.ws_id or "default"
      for _, reference in ipairs({ "route", "service", "consumer", "upstream" }) do
        if type(entity[reference]) == "string" then
          entity[reference] = { id = entity[reference] }
        end
      end
    end
  end
  for _, service in ipairs(all.services) do
    service.host = service.host or "example.test"
  end

  return all
end


-- What is found of a kind: lines such as "route a has no service …".
local function found(kind, config, flavour)
  local list = {}
  for _, finding in ipairs(config_review.find(complete(config), flavour or "traditional_compatible")) do
    if finding.kind == kind then
      list[#list + 1] = finding.reason
    end
  end

  return list
end


local function check(kind, cases)
  for _, case in ipairs(cases) do
    it(case[1], function()
      local expected, is = case[3], found(kind, case[2], case.flavour)
      assert.equal(#expected, #is, table.concat(is, "; "))
      for i, words in ipairs(expected) do
        assert.matches(words, is[i], 1, true)
      end
    end)
  end
end


local SERVICE = { { name = "s" } }


local ONE, OTHER = "5c1d3b0a-0000-4000-8000-000000000001", "5c1d3b0a-0000-4000-8000-000000000002"


describe("orphaned:", function()
  local NO_SERVICE = "route r has no service, and no plugin on it answers"
  local function alone(plugin)
    return { routes = { { name = "r", paths = { "/" }, service = null } }, plugins = plugin and { plugin } or {} }
  end

  check("orphaned", {
    { "a route without a service", alone(), { NO_SERVICE } },
    { "one that only has authentication", alone({ name = "key-auth", route = "r" }), { NO_SERVICE } },
    { "one that is answered", alone({ name = "request-termination", route = "r" }), {} },
    { "one that is answered by a function", alone({ name = "pre-function", route = "r" }), {} },
    { "one that is answered for the whole gateway", alone({ name = "aws-lambda" }), {} },
    { "one that a plugin of one's own may answer", alone({ name = "our-own", route = "r" }), {} },
    { "one whose answer is switched off", alone({ name = "redirect", route = "r", enabled = false }), { NO_SERVICE } },
    { "one that is answered for one consumer only", alone({ name = "request-termination", route = "r", consumer = "c" }),
      { NO_SERVICE } },
    { "one that is answered in another workspace", alone({ name = "redirect", ws_id = "other" }), { NO_SERVICE } },
    { "one that somebody has looked at", { routes = { { name = "r", tags = { "threat-agent:reviewed" } } } }, {} },

    { "a service without routes", { services = { { name = "s" } } }, { "service s has no routes" } },
    { "one that is switched off", { services = { { name = "s", enabled = false } } }, {} },
    { "one with a route", { services = { { name = "s" } }, routes = { { name = "r", paths = { "/" }, service = "s" } } }, {} },

    { "an upstream without targets",
      { services = { { name = "s", host = "u" } }, upstreams = { { name = "u" } },
        routes = { { name = "r", paths = { "/" }, service = "s" } } },
      { "upstream u has no target with a weight above 0: requests to service s fail" } },
    { "one whose targets weigh nothing",
      { services = { { name = "s", host = "u" } }, upstreams = { { name = "u" } },
        targets = { { target = "a:80", weight = 0, upstream = "u" } },
        routes = { { name = "r", paths = { "/" }, service = "s" } } },
      { "upstream u has no target" } },
    { "one with a target",
      { services = { { name = "s", host = "u" } }, upstreams = { { name = "u" } },
        targets = { { target = "a:80", weight = 0, upstream = "u" }, { target = "b:80", weight = 100, upstream = "u" } },
        routes = { { name = "r", paths = { "/" }, service = "s" } } },
      {} },
    { "one that no service names", { upstreams = { { name = "u" } } }, {} },
  })
end)


describe("shadowed:", function()
  -- Two routes, of which "a" has the lesser id.
  local function two(a, b)
    a.name, b.name = a.name or "a", b.name or "b"
    a.service, b.service = a.service or "s", b.service or "s"
    return { services = { { name = "s" }, { name = "off", enabled = false } }, routes = { a, b } }
  end

  local A = { "route a never gets a request: route b has the same or wider criteria and goes before it" }
  local B = { "route b never gets a request: route a has" }

  check("shadowed", {
    { "the same path", two({ paths = { "/x" } }, { paths = { "/x" } }), A },
    { "the same, where age counts", two({ paths = { "/x" }, created_at = 1 }, { paths = { "/x" }, created_at = 2 }), B,
      flavour = "traditional" },
    { "the same, of one age", two({ paths = { "/x" }, created_at = 1 }, { paths = { "/x" }, created_at = 1 }),
      { "route a has the same criteria as route b: of each path only one of them gets the requests" }, flavour = "traditional" },
    { "the same path and methods", two({ paths = { "/x" }, methods = { "GET" } }, { paths = { "/x" }, methods = { "GET" } }), A },
    { "fewer methods", two({ paths = { "/x" }, methods = { "GET" } }, { paths = { "/x" }, methods = { "PUT", "GET" } }), A },
    { "fewer methods, but first", two({ paths = { "/x" }, methods = { "GET", "PUT" } }, { paths = { "/x" }, methods = { "GET" } }), {} },
    { "other methods", two({ paths = { "/x" }, methods = { "GET" } }, { paths = { "/x" }, methods = { "PUT" } }), {} },
    { "more kinds of criteria go first", two({ paths = { "/x" }, methods = { "GET" } }, { paths = { "/x" } }), {} },
    { "other kinds of criteria", two({ paths = { "/x" } }, { hosts = { "h" } }), {} },
    { "fewer hosts", two({ hosts = { "One.test" } }, { hosts = { "two.test", "one.test" } }), A },
    { "a host against a wildcard goes first", two({ hosts = { "one.test" } }, { hosts = { "*.test", "one.test" } }), {} },
    { "the same host with a wildcard", two({ hosts = { "*.test" } }, { hosts = { "*.test" } }), A },
    { "the same headers", two({ headers = { ["X-A"] = { "1" } } }, { headers = { ["x-a"] = { "1", "2" } } }), A },
    { "more headers go first", two({ headers = { a = { "1" }, b = { "1" } } }, { headers = { a = { "1" } } }), {} },
    { "another header", two({ headers = { a = { "1" } } }, { headers = { b = { "1" } } }), {} },
    { "the same snis", two({ snis = { "a.test" }, protocols = { "https" } }, { snis = { "a.test" }, protocols = { "https" } }), A },
    { "other protocols", two({ paths = { "/x" }, protocols = { "https" } }, { paths = { "/x" }, protocols = { "http" } }), {} },
    { "longer paths go first", two({ paths = { "/x/y" } }, { paths = { "/x" } }), {} },
    { "all paths of several are taken", two({ paths = { "/x", "/longer" } }, { paths = { "~/x.*", "~/longer" } }), A },
    { "one path of several is left", two({ paths = { "/x", "/longer" } }, { paths = { "/x" } }), {} },
    { "several paths, the same",
      two({ paths = { "/x", "/longer" } }, { paths = { "/longer", "/x" } }),
      { "route a has the same criteria as route b: of each path only one of them gets the requests" } },
    { "a regular expression that takes everything", two({ paths = { "/x" } }, { paths = { "~/" } }), A },
    { "one with any rest", two({ paths = { "/orders" } }, { paths = { "~/ord.*$" } }), A },
    { "one that says more", two({ paths = { "/orders" } }, { paths = { "~/orders/\\d+" } }), {} },
    { "one that ends", two({ paths = { "/orders" } }, { paths = { "~/orders$" } }), {} },
    { "one of elsewhere", two({ paths = { "/orders" } }, { paths = { "~/users.*" } }), {} },
    { "one with other hosts", two({ paths = { "/x" }, hosts = { "a" } }, { paths = { "~/" }, hosts = { "b" } }), {} },
    { "one, where paths are sorted together", two({ paths = { "/x" } }, { paths = { "~/" } }), {}, flavour = "traditional" },
    { "the same regular expression, of the higher regex_priority",
      two({ paths = { "~/x\\d" }, regex_priority = 5 }, { paths = { "~/x\\d" }, regex_priority = 0 }), B },
    { "regex_priority without regular expressions",
      two({ paths = { "/x" }, regex_priority = 5 }, { paths = { "/x" }, regex_priority = 0 }), A },
    { "an expression", two({ expression = "http.path == \"/x\"" }, { paths = { "/x" } }), {} },
    { "streams", two({ protocols = { "tcp" }, snis = { "x" } }, { protocols = { "tcp" }, snis = { "x" } }), {} },
    { "a service that is switched off", two({ paths = { "/x" } }, { paths = { "/x" }, service = "off" }), {} },
    { "another workspace", two({ paths = { "/x" } }, { paths = { "/x" }, ws_id = "other" }), {} },
    { "two take a path each",
      { services = SERVICE, routes = {
        { name = "a", service = "s", paths = { "/x", "/longer" } }, { name = "b", service = "s", paths = { "~/x" } },
        { name = "c", service = "s", paths = { "~/longer" } },
      } },
      { "route a never gets a request: route b and route c has" } },
  })

  it("thousands of routes take no longer than a beat", function()
    local routes = {}
    for n = 1, 4000 do
      routes[n] = { name = "r" .. n, paths = { "/api" }, hosts = { "h" .. n % 1000 .. ".test" }, service = "s" }
    end
    local all = complete({ services = SERVICE, routes = routes })
    local before = os.clock()
    assert.equal(3000, #config_review.find(all, "traditional_compatible"))
    assert.is_true(os.clock() - before < 1)
  end)
end)


describe("unauthenticated:", function()
  -- Routes of services: name → { service, plugin's configuration or nil for none }.
  local function gateway(routes, more)
    local config = { services = { { name = "s" }, { name = "t" } }, routes = {}, plugins = more or {} }
    for name, of in pairs(routes) do
      table.insert(config.routes, { name = name, paths = { "/" .. name }, service = of[1] })
      if of[2] then
        table.insert(config.plugins, { name = "key-auth", route = name, config = of[2] })
      end
    end

    return config
  end

  local function open(with, more)
    return gateway({ a = { "s", {} }, b = { "s", {} }, c = { "s", {} }, open = { "s", with } }, more)
  end

  local OF_SERVICE = { "route open has no authentication; 3 of the 3 other routes of service s have" }

  check("unauthenticated", {
    { "one of a service", open(), OF_SERVICE },
    { "a public shop", gateway({ a = { "s" }, b = { "s" }, c = { "s" }, open = { "s" } }), {} },
    { "a shop with a guarded corner", gateway({ a = { "s", {} }, b = { "s" }, c = { "s" }, open = { "s" } }), {} },
    { "a public service among guarded ones",
      gateway({ a = { "s", {} }, b = { "s", {} }, c = { "s", {} }, x = { "t" }, y = { "t" }, z = { "t" } }), {} },
    { "one of the gateway", gateway({ a = { "s", {} }, b = { "s", {} }, c = { "s", {} }, open = { "t" } }),
      { "route open has no authentication; 3 of the 3 other routes of the gateway have" } },
    { "too few to compare", gateway({ a = { "s", {} }, open = { "t" } }), {} },
    { "guarded by its service", open(nil, { { name = "jwt", service = "s" } }), {} },
    { "guarded by the gateway", open(nil, { { name = "jwt" } }), {} },
    { "guarded in another workspace", open(nil, { { name = "jwt", ws_id = "other" } }), OF_SERVICE },
    { "guarded by what is switched off", open(nil, { { name = "jwt", route = "open", enabled = false } }), OF_SERVICE },
    { "guarded for one consumer", open(nil, { { name = "jwt", route = "open", consumer = "c" } }), OF_SERVICE },
    { "whoever is anonymous comes in", open({ anonymous = "nobody" }), OF_SERVICE },
    { "anonymous is null", open({ anonymous = null }), {} },
    { "anonymous on the route, guarded on the gateway: the narrower one counts",
      open({ anonymous = "nobody" }, { { name = "key-auth" } }), OF_SERVICE },
    { "who is anonymous is refused", open({ anonymous = ONE }, { { name = "request-termination", consumer = ONE } }),
      {} },
    { "somebody else is refused", open({ anonymous = OTHER }, { { name = "request-termination", consumer = ONE } }),
      OF_SERVICE },
    { "who is anonymous may be who is refused",
      open({ anonymous = "nobody" }, { { name = "request-termination", consumer = ONE } }), {} },
    { "acl asks for groups", open({ anonymous = "nobody" }, { { name = "acl", route = "open" } }), {} },
    { "limits are no authentication", open(nil, { { name = "rate-limiting", route = "open" } }), OF_SERVICE },
    { "a redirect needs none", open(nil, { { name = "redirect", route = "open" } }), {} },
    { "a function may authenticate", open(nil, { { name = "pre-function", route = "open" } }), {} },
    { "so may a plugin of one's own", open(nil, { { name = "our-own", route = "open" } }), {} },
  })

  it("says what was compared", function()
    local all = config_review.find(complete(open()))
    local finding = all[#all]
    assert.same({ with = "service", authenticated = 3, others = 3 }, finding.compared)
    assert.same({ "unauthenticated", "route", "open", "open", "default" },
                { finding.kind, finding.entity, finding.id, finding.name, finding.workspace })
  end)
end)
