-- What holds an action back, on records and consumers that are tables.


local MODULE = "kong.plugins.threat-agent."

local records, consumers, killed, entities


local function load()
  _G.ngx = _G.ngx or {}
  _G.ngx.time = function() return 1000 end
  local stubs = {
    files = { KILL = "kill", load = function() return killed end },
    ["agent.journal"] = { all = function() return records end },
    region = { is_within = function(address, cidrs) return cidrs[1] == address end },
    owners = {
      of = function(by, id) return by == "credential" and id:match("^(%l+)%-") or id end,
      count = function() return consumers end,
    },
    database = { select = function(kind, id)
      local entity = entities[kind .. "/" .. id]
      if entity == false then
        return nil, "the database is away"
      end
      return entity
    end },
    senders = { network_of = function(text) return text:match("^%d+%.%d+%.%d+") .. ".0/24" end },
  }
  for name, stub in pairs(stubs) do
    package.loaded[MODULE .. name] = stub
  end
  package.loaded[MODULE .. "vocabulary"] = dofile("lua/kong/plugins/threat-agent/vocabulary.lua")
  package.loaded[MODULE .. "agent.protected"] = dofile("lua/kong/plugins/threat-agent/agent/protected.lua")
  local gate = dofile("lua/kong/plugins/threat-agent/agent/gate.lua")
  package.loaded[MODULE .. "agent.protected"], package.loaded[MODULE .. "vocabulary"] = nil, nil
  for name in pairs(stubs) do
    package.loaded[MODULE .. name] = nil
  end
  return gate
end


local function record(fields)
  local made = { action = "ban", state = "active", place = { workspace = "a" }, changes = {}, touches_ratio = 0 }
  for name, value in pairs(fields or {}) do
    made[name] = value
  end

  return made
end


describe("the gate", function()
  local gate, conf, time

  before_each(function()
    time = _G.ngx and _G.ngx.time
    records, consumers, killed, entities = {}, 100, nil, {}
    gate = load()
    conf = { response = {
      budget = { per_minute = 4, per_hour = 10, active = 10, workspace_ratio = 0.5 },
      blast_radius = { good_ratio = 0.05, consumer_ratio = 0.02 },
      protected = { cidrs = { "192.0.2.9" }, consumers = { "ann" } },
    } }
  end)

  after_each(function()
    _G.ngx.time = time
  end)


  local function why(fields)
    return select(2, gate.check(record(fields), conf))
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
    assert.is_nil(why({ place = place }))
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


  it("lets a share of the consumers stand refused", function()
    conf.response.budget = { per_minute = 100, per_hour = 100, active = 100 }
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


  it("does nothing while the kill switch is on", function()
    killed = "on"
    assert.matches("kill switch", why())
  end)
end)
