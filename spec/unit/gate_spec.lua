-- What holds an action back, on records and consumers that are tables.


local MODULE = "kong.plugins.threat-agent."

local records, consumers, killed, entities
local lists     -- kind → list of entities


local function load()
  _G.ngx = _G.ngx or {}
  _G.ngx.time = function() return 1000 end
  local stubs = {
    files = { KILL = "kill", load = function() return killed end },
    ["agent.carrier"] = { is_remote = function(of)
      return of.changes[1] ~= nil and of.changes[1].op ~= "ban"
    end },
    ["agent.journal"] = { all = function() return records end },
    region = { is_within = function(address, cidrs) return cidrs[1] == address end },
    owners = {
      of = function(by, id) return by == "credential" and id:match("^(%l+)%-") or id end,
    },
    snapshots = { routes_of = function(service) return service == "s" and { "r1", "r2", "r3", "r4" } or {} end },
    database = { count = function(kind)
      local number = kind == "consumers" and consumers or 12
      return type(number) == "function" and number() or number
    end, each = function(kind)
      local list, i = lists[kind] or {}, 0
      return function()
        i = i + 1
        return list[i]
      end
    end, select = function(kind, id)
      if not id then
        return nil
      end
      local entity = entities[kind .. "/" .. id]
      if entity == false then
        return nil, "the database is away"
      end
      return entity
    end, workspace_of = function(entity) return entity.ws_id or "a" end, workspace_name = string.upper },
    senders = dofile("lua/kong/plugins/threat-agent/senders.lua"),
  }
  for name, stub in pairs(stubs) do
    package.loaded[MODULE .. name] = stub
  end
  package.loaded[MODULE .. "vocabulary"] = dofile("lua/kong/plugins/threat-agent/vocabulary.lua")
  package.loaded[MODULE .. "agent.access"] = dofile("lua/kong/plugins/threat-agent/agent/access.lua")
  package.loaded[MODULE .. "agent.overlap"] = dofile("lua/kong/plugins/threat-agent/agent/overlap.lua")
  package.loaded[MODULE .. "agent.protected"] = dofile("lua/kong/plugins/threat-agent/agent/protected.lua")
  package.loaded[MODULE .. "agent.blast_radius"] = dofile("lua/kong/plugins/threat-agent/agent/blast_radius.lua")
  local gate = dofile("lua/kong/plugins/threat-agent/agent/gate.lua")
  for _, name in ipairs({ "agent.access", "agent.blast_radius", "agent.overlap", "agent.protected", "vocabulary" }) do
    package.loaded[MODULE .. name] = nil
  end
  for name in pairs(stubs) do
    package.loaded[MODULE .. name] = nil
  end
  return gate
end


local function record(fields)
  local made = { action = "ban", state = "active", place = { workspace = "a" }, changes = { { op = "ban" } },
                 touches_ratio = 0 }
  for name, value in pairs(fields or {}) do
    made[name] = value
  end

  return made
end


describe("the gate", function()
  local gate, conf, time, former_kong

  before_each(function()
    time = _G.ngx and _G.ngx.time
    records, consumers, killed, entities, lists = {}, 100, nil, {}, {}
    former_kong = _G.kong
    _G.kong = { configuration = { admin_listeners = { { ip = "0.0.0.0", port = 8001 }, { ip = "10.0.0.7", port = 8444 } } } }
    gate = load()
    conf = { response = {
      admin_api = { url = "https://admin.test" },
      budget = { per_minute = 2, per_hour = 10, active = 10, workspace_ratio = 0.5,
                 memory = { per_minute = 4, per_hour = 10, active = 10 } },
      blast_radius = { good_ratio = 0.05, consumer_ratio = 0.02 },
      protected = { cidrs = { "192.0.2.9" }, consumers = { "ann" } },
    } }
  end)

  after_each(function()
    _G.ngx.time, _G.kong = time, former_kong
  end)


  local function why(fields)
    return (select(2, gate.check(record(fields), conf)))
  end


  it("leaves alone what carries a protected tag, with all that belongs to it", function()
    conf.response.protected.tags = { "hands-off" }
    entities["routes/r1"] = { tags = { "team-a", "hands-off" } }
    entities["services/s1"] = { tags = { "hands-off" } }
    entities["consumers/kim"] = { tags = { "hands-off" } }
    local on_route = { workspace = "a", route = "r1", service = "s2" }
    assert.equal("routes/r1 carries the protected tag hands-off", why({ place = on_route }))
    assert.equal("routes/r1 carries the protected tag hands-off",
      why({ place = on_route, action = "rate_limit", changes = { { op = "create", kind = "plugins" } } }))
    assert.is_nil(why({ place = on_route, action = "allow" }))
    assert.matches("^services/s1 carries", why({ place = { workspace = "a", route = "r2", service = "s1" } }))
    assert.matches("^consumers/kim carries", why({ by = "credential", clients = { "kim-key" } }))
    assert.is_nil(why({ by = "consumer", clients = { "joe" } }))

    local plugin = { op = "patch", kind = "plugins", id = "p1", tags = { "hands-off" } }
    assert.equal("plugins/p1 carries the protected tag hands-off", why({ action = "rate_limit", changes = { plugin } }))
  end)


  it("changes nothing that the Ingress Controller manages, nor adds to it", function()
    entities["routes/r1"] = { tags = { "k8s-name:shop", "managed-by-ingress-controller" } }
    local place = { workspace = "a", route = "r1" }
    assert.matches("managed%-by%-ingress%-controller$",
      why({ place = place, action = "rate_limit", changes = { { op = "create", kind = "plugins" } } }))
    -- What stays in memory changes no entity.
    assert.is_nil(why({ place = place, clients = { "192.0.2.1" } }))
  end)


  it("does nothing where it cannot tell whether something is protected", function()
    entities["routes/r1"] = false
    local place = { workspace = "a", route = "r1" }
    assert.is_nil(why({ place = place }))
    conf.response.protected.tags = { "hands-off" }
    assert.equal("routes/r1 may be protected by a tag, which cannot be read: the database is away", why({ place = place }))
  end)


  it("lets one workspace spend its share and no more", function()
    records = { record({ applied_s = 990 }), record({ applied_s = 980 }) }
    assert.matches("its workspace's budget of 2", why())
    assert.is_nil(why({ place = { workspace = "b" } }))
    assert.is_nil(why({ by_operator = true }))

    for n = 3, 4 do
      records[n] = record({ applied_s = 990, place = { workspace = "c" } })
    end
    assert.matches("the budget of 4", why({ place = { workspace = "b" } }))
  end)


  it("counts nothing that operators do by hand", function()
    conf.response.budget.memory = { per_minute = 1, per_hour = 1, active = 1 }
    records = { record({ applied_s = 990, by_operator = true }) }
    assert.is_nil(why())
  end)


  it("counts what could not be taken back yet as standing", function()
    conf.response.budget.active = 1
    local change = { { op = "patch", kind = "routes", id = "r" } }
    records = { record({ state = "reverting", applied_s = -9000, changes = change }) }
    assert.matches("budget of 1 actions that stand",
                   why({ action = "restrict_route", changes = { { op = "patch", kind = "routes", id = "q" } } }))
  end)


  it("holds an action against those that began while it asked", function()
    local change = { { op = "patch", kind = "routes", id = "r" } }
    conf.response.protected.consumers = {}
    -- A database is waited for.
    consumers = function()
      records = { record({ id = "other", changes = change }) }
      return 100
    end
    assert.matches("is changed by the action other", why({ by = "consumer", clients = { "bob" }, changes = change }))
  end)


  it("does not count for a day what was done before the clock was set back", function()
    conf.response.budget.memory = { per_minute = 1, per_hour = 1, active = 10 }
    records = { record({ applied_s = 1000 + 86400 }) }
    assert.is_nil(why())
    records[2] = record({ applied_s = 1000 })
    assert.matches("budget of 1", why())
  end)


  it("lets a workspace spend its own share, within the whole", function()
    local budget = conf.response.budget
    local done = { applied_s = 990, state = "expired", changes = { { op = "ban" } } }
    records = { record(done), record(done) }
    assert.matches("its workspace's budget of 2", why())
    budget.workspaces = { A = 0.75, b = 0.25 }
    assert.is_nil(why())
    records[3] = record(done)
    assert.matches("its workspace's budget of 3", why())
    assert.is_nil(why({ place = { workspace = "b" } }))
    records[4] = record(done)
    assert.matches("^the budget of 4", why({ place = { workspace = "b" } }))
  end)


  it("counts what changes the configuration apart from what stays in memory", function()
    local change = { { op = "patch", kind = "routes", id = "r" } }
    conf.response.budget.workspace_ratio = 1
    local done = { applied_s = 990, state = "expired", changes = change }
    records = { record(done), record(done) }
    assert.matches("the budget of 2 actions a minute", why({ action = "restrict_route", changes = change }))
    assert.is_nil(why())

    for n = 1, 4 do
      records[n] = record({ applied_s = 990 })
    end
    assert.matches("the budget of 4 actions in memory a minute", why())
    assert.is_nil(why({ action = "restrict_route", changes = change }))
  end)


  it("lets what holds for all who go there touch some of the routes at once", function()
    conf.response.budget = { per_minute = 100, per_hour = 100, active = 100 }
    conf.response.budget.memory = conf.response.budget
    conf.response.blast_radius.route_ratio = 0.5
    local function on(route, more)
      local fields = { action = "rate_limiting", place = { workspace = "a", route = route, service = "s" },
                       changes = { { op = "create", kind = "plugins" } } }
      for name, value in pairs(more or {}) do
        fields[name] = value
      end
      return fields
    end

    -- Four of the service, and two others.
    records = { record(on("r1", { target = "service" })), record(on("r5")), record(on("r6")), record(on("r7", { state = "expired" })) }
    assert.is_nil(why(on("r2")))
    assert.equal("7 routes would be touched, 6 may at once", why(on("r7")))
    assert.equal("7 routes would be touched, 6 may at once",
                 why(on("r7", { action = "circuit_breaker", changes = { { op = "ban", ban = { by = "route" } } } })))
    -- What names senders, and what puts back what worked.
    assert.is_nil(why(on("r7", { clients = { "192.0.2.1" } })))
    assert.is_nil(why(on("r7", { action = "rollback" })))
    records[1].target, records[1].changes[1].kind = "route", "services"
    assert.matches("7 routes", why(on("r7")))

    -- Five in any case.
    conf.response.blast_radius.route_ratio = 0
    records = { record(on("r5")), record(on("r6")), record(on("r7")), record(on("r8")) }
    assert.is_nil(why(on("r9")))
    records[5] = record(on("r9"))
    assert.equal("6 routes would be touched, 5 may at once", why(on("r10")))
  end)


  describe("lets one action at a time change an entity:", function()
    local function made(name, route, id)
      return { op = "create", kind = "plugins", id = id, entity = { name = name, route = { id = route } } }
    end
    local patched = { op = "patch", kind = "plugins", id = "p1" }

    local function refusal(change, fields)
      fields = fields or {}
      fields.id, fields.expires_s = "other", fields.state and 0 or fields.expires_s or 2000
      fields.changes = fields.changes or { patched }
      records = { record(fields) }
      return why({ action = "rate_limiting", changes = { change } })
    end

    it("one that is patched", function()
      assert.equal("plugins/p1 is changed by the action other that stands", refusal(patched))
      assert.is_not_nil(refusal(patched, { state = "reverting" }))
    end)

    it("one that an action made", function()
      assert.is_not_nil(refusal(patched, { changes = { made("rate-limiting", "r1", "p1") } }))
    end)

    it("one that another is about to make", function()
      local other = { changes = { made("rate-limiting", "r1", "p1") } }
      assert.is_not_nil(refusal(made("rate-limiting", "r1", "p2"), other))
      assert.is_nil(refusal(made("rate-limiting", "r2", "p2"), other))
      assert.is_nil(refusal(made("acl", "r1", "p2"), other))
    end)

    it("and any after one that has ended, or that is there to stay", function()
      assert.is_nil(refusal(patched, { state = "expired" }))
      assert.is_nil(refusal(patched, { state = "kept" }))
    end)
  end)


  describe("never cuts the way", function()
    local change = { { op = "patch", kind = "services", id = "s1" } }

    for _, case in ipairs({
      { "localhost", 8001, true }, { "127.0.0.1", 8001, true }, { "10.0.0.7", 8444, true }, { "admin.test", 443, true },
      { "localhost", 8000, false }, { "10.0.0.8", 8444, false }, { "shop.test", 443, false },
    }) do
      it((case[3] and "of a service at " or "but to the Admin API, so not at ") .. case[1] .. ":" .. case[2], function()
        entities["services/s1"] = { host = case[1], port = case[2] }
        local place = { workspace = "a", service = "s1", route = "r1" }
        assert.equal(case[3] and "its service leads to the Admin API" or nil, why({ place = place, changes = change }))
        assert.equal(case[3], why({ place = place, changes = { { op = "ban", ban = { by = "route" } } } }) ~= nil)
        -- An attacker may be banned there.
        assert.is_nil(why({ place = place, changes = { { op = "ban", ban = { by = "client_ip" } } } }))
      end)
    end

    it("to the Admin API behind an upstream", function()
      entities["services/s1"] = { host = "pool", port = 80 }
      lists.upstreams = { { id = "u0", name = "other" }, { id = "u2", name = "pool", ws_id = "b" }, { id = "u1", name = "pool" } }
      lists.targets = { { target = "127.0.0.1:8001", upstream = { id = "u0" } },
                        { target = "10.0.0.7:80", upstream = { id = "u1" } } }
      local place = { workspace = "a", service = "s1", route = "r1" }
      assert.is_nil(why({ place = place, changes = change }))
      lists.targets[3] = { target = "10.0.0.7:8444", upstream = { id = "u1" } }
      assert.equal("its service leads to the Admin API", why({ place = place, changes = change }))
    end)

    it("to the dashboard", function()
      lists.plugins = { { name = "cors", route = { id = "r2" } }, { name = "threat-agent-dashboard", route = { id = "r1" } } }
      entities["routes/r1"] = { service = { id = "s1" } }
      entities["services/s1"] = { host = "shop.test", port = 80 }
      local function place(route)
        return { workspace = "a", service = "s1", route = route }
      end
      assert.equal("the dashboard is there", why({ place = place("r1"), changes = change }))
      assert.is_nil(why({ place = place("r2"), changes = change }))
      assert.equal("the dashboard is there", why({ place = place("r2"), target = "service", changes = change }))
    end)
  end)


  it("lets a share of the consumers stand refused", function()
    conf.response.budget.memory = { per_minute = 100, per_hour = 100, active = 100 }
    records = { record({ by = "credential", clients = { "bob-1" } }), record({ by = "client_ip", clients = { "x" } }),
                record({ by = "consumer", clients = { "old" }, state = "expired" }) }
    assert.is_nil(why({ by = "consumer", clients = { "bob" } }))
    assert.is_nil(why({ by = "consumer", clients = { "carl" } }))
    assert.matches("3 consumers would stand refused, 2 may", why({ by = "consumer", clients = { "carl", "dora" } }))
    assert.is_nil(why({ action = "allow", by = "consumer", clients = { "carl", "dora" } }))
    assert.is_nil(why({ action = "tag", by = "consumer", clients = { "carl", "dora" } }))
    consumers = 1
    records = {}
    assert.is_nil(why({ by = "consumer", clients = { "carl" } }))
  end)


  it("leaves protected senders alone by whatever names them", function()
    for by, id in pairs({ client_ip = "192.0.2.9", network = "192.0.2.0/24", consumer = "ann", credential = "ann-1" }) do
      assert.matches("protected", why({ by = by, clients = { id } }), by)
    end
    for by, id in pairs({ client_ip = "192.0.2.8", network = "192.0.3.0/24", consumer = "bob", session = "0a" }) do
      assert.is_nil(why({ by = by, clients = { id } }), by)
    end
    assert.is_nil(why({ action = "allow", by = "client_ip", clients = { "192.0.2.9" } }))
  end)


  it("leaves an IPv6 client alone that counts as one with a protected address", function()
    conf.response.protected.cidrs = { "2001:db8:0:1::5", "2001:db8:9::/48" }
    for address, is_protected in pairs({ ["2001:db8:0:1::bad"] = true, ["2001:db8:0:1:7::"] = true,
                                         ["2001:db8:0:2::5"] = false }) do
      assert.equal(is_protected, why({ clients = { address } }) ~= nil, address)
    end
  end)


  describe("leaves a service alone on which a protected route is:", function()
    local place = { workspace = "a", route = "r1", service = "s1" }
    local on_service = { { op = "create", kind = "plugins", entity = { service = { id = "s1" } } } }

    before_each(function()
      conf.response.protected = { routes = { "checkout" }, tags = { "hands-off" } }
      entities["services/s1"] = { host = "shop.test", port = 80 }
      lists.routes = { { id = "r1" }, { id = "r2", name = "checkout", service = { id = "s1" } },
                       { id = "r3", tags = { "hands-off" }, service = { id = "s2" } } }
    end)

    it("from what is put on it", function()
      assert.equal("the route checkout of its service is protected",
                   why({ place = place, target = "service", changes = on_service }))
      assert.is_not_nil(why({ place = place, target = "service", changes = { { op = "ban", ban = { by = "service" } } } }))
      place.service = "s2"
      assert.equal("the route r3 of its service is protected",
                   why({ place = place, target = "service", changes = on_service }))
      place.service = "s1"
    end)

    it("from a change of it, or of where it goes", function()
      for _, kind in ipairs({ "services", "upstreams", "upstreams/u/targets", "targets" }) do
        assert.is_not_nil(why({ place = place, target = "route", changes = { { op = "patch", kind = kind, id = "x" } } }))
      end
    end)

    it("but not from what is on another of its routes", function()
      assert.is_nil(why({ place = place, target = "route", changes = { { op = "patch", kind = "routes", id = "r1" } } }))
      assert.is_nil(why({ place = place, target = "route", clients = { "192.0.2.1" } }))
    end)
  end)


  it("does nothing while the kill switch is on", function()
    killed = "on"
    assert.matches("kill switch", why())
  end)
end)
