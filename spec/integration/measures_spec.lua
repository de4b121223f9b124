-- What is done about a sender in memory, whatever names it: a client's address, its network, a
-- consumer, a credential, a session.


local gateway = require "spec.support.gateway"


local eventually = gateway.eventually

-- Kong's own plugins are not part of the embedded gateway.
local has_plugins = gateway.kind ~= "embedded"

local INJECTION = "?q=1%27%20UNION%20SELECT%20password%20FROM%20users--"


-- A service and route for each case, so that they do not meet.
local function service(name, more)
  return ("  - { name: %s, url: 'http://127.0.0.1:${DEMO_PORT}', routes: [{ name: %s, paths: [/%s] %s }] }\n")
         :format(name, name, name, more or "")
end


local function policy(name, step)
  return ("          - { id: %s, routes: [%s], min_confidence: 0.3, min_severity: low, steps: [%s] }\n")
         :format(name, name, step)
end


local function ban(name, by)
  return policy(name, "{ action: ban, by: " .. by .. ", suspicion: low, ttl_s: 600, verify_after_s: 600 }")
end


local WITH_KEYS = ", plugins: [{ name: key-auth }]"


local CONFIG = '_format_version: "3.0"\nservices:\n'
  .. service("network") .. service("guarded") .. service("session") .. service("elsewhere")
  .. service("throttled") .. service("partners") .. service("signalled") .. service("tagged")
  .. service("consumer", WITH_KEYS) .. service("credential", WITH_KEYS) .. service("partner", WITH_KEYS)
  .. service("denied", WITH_KEYS)
  .. [[
consumers:
  - { username: alice, keyauth_credentials: [{ key: alice-key }] }
  - { username: bob, keyauth_credentials: [{ key: bob-key }] }
  - { username: carol, keyauth_credentials: [{ key: carol-old }, { key: carol-new }] }
  - { username: dave, keyauth_credentials: [{ key: dave-key }, { key: dave-other }] }
  - { username: partner, keyauth_credentials: [{ key: partner-key }] }
plugins:
  - name: threat-agent
    config:
      mode: enforce
      behaviour: { session_cookie: sid }
      response:
        protected: { cidrs: ["198.51.100.99"], consumers: [partner] }
        blast_radius: { good_ratio: 0.5, consumer_ratio: 0.8 }
        budget: { per_minute: 100 }
        policies:
]]
  .. ban("network", "network") .. ban("guarded", "network") .. ban("consumer", "consumer")
  .. ban("credential", "credential") .. ban("session", "session") .. ban("partner", "credential")
  .. policy("partners", "{ action: allow, clients: [192.0.2.81, 203.0.113.0/24], ttl_s: 600 }, "
                        .. "{ action: ban, by: network, suspicion: low, ttl_s: 600, verify_after_s: 600 }")
  .. policy("denied", "{ action: deny_consumer, suspicion: low, ttl_s: 12, verify_after_s: 600 }")
  .. policy("signalled", "{ action: ban, when: signal, by: network, suspicion: low, ttl_s: 600, verify_after_s: 600 }")
  .. policy("tagged", "{ action: tag, suspicion: low, ttl_s: 600 }")
  .. policy("throttled", "{ action: throttle, limit: 5, window_s: 60, ttl_s: 15, suspicion: low, verify_after_s: 600 }")


gateway.describe("measures:", { config = CONFIG, trusted_ips = "127.0.0.1" }, function(gw)
  local function get(route, client, headers, query)
    headers = headers or {}
    headers["x-forwarded-for"] = client
    return gw:http({ path = "/" .. route .. "/products" .. (query or ""), headers = headers })
  end


  local function status(route, client, headers)
    return get(route, client, headers).status
  end


  -- Injections until there is an incident: refused one by one.
  local function attack(route, client, headers)
    for _ = 1, 10 do
      local copy = {}
      for name, value in pairs(headers or {}) do
        copy[name] = value
      end
      assert.equal(403, get(route, client, copy, INJECTION).status)
    end
  end


  local function action(route, state)
    return eventually(function()
      for _, record in ipairs(gw:admin("GET", "/threat-agent/actions").json.data) do
        if record.place.route_name == route and record.state == state then
          return record
        end
      end
    end, 30)
  end


  local function revert(record)
    assert.equal(202, gw:admin("POST", "/threat-agent/actions/" .. record.id .. "/revert").status)
  end


  it("bans a network by what one of its clients did", function()
    attack("network", "192.0.2.10")
    local record = action("network", "active")
    assert.same({ "192.0.2.0/24" }, record.clients)
    assert.equal(403, status("network", "192.0.2.200"))
    assert.equal(200, status("network", "192.0.3.10"))
    assert.equal(200, status("elsewhere", "192.0.2.200"))

    revert(record)
    eventually(function() return status("network", "192.0.2.200") == 200 end)
  end)


  it("refuses of a network what shows a sign of an attack, while the others in it go on", function()
    attack("signalled", "192.0.2.90")
    local record = action("signalled", "active")
    assert.same({ "192.0.2.0/24" }, record.clients)
    -- The attacker, too, is suspected here: what it sends in order passes.
    assert.equal(200, status("signalled", "192.0.2.91"))
    eventually(function() return status("signalled", "192.0.2.90") == 200 end)
    assert.equal(403, get("signalled", "192.0.2.91", nil, INJECTION).status)
    assert.equal(200, status("signalled", "203.0.113.90"))
    for _, entry in ipairs(gw:admin("GET", "/threat-agent/bans").json.data) do
      assert.equal(entry.action == record.id and "signal" or "always", entry.when)
    end
  end)


  it("tags who is named for the upstream, and refuses nobody", function()
    attack("tagged", "192.0.2.95")
    action("tagged", "active")
    eventually(function() return status("tagged", "192.0.2.95") == 200 end)
    local function told(client)
      return gw:http({ path = "/tagged/echo", client = client }).json.headers
    end
    assert.matches("^tag; category=", told("192.0.2.95")["x-threat-agent-verdict"])
    assert.is_nil(told("192.0.2.96")["x-threat-agent-verdict"])
  end)


  it("leaves a network alone that a protected client is in", function()
    attack("guarded", "198.51.100.10")
    assert.matches("protected", action("guarded", "refused").why)
    assert.equal(200, status("guarded", "198.51.100.11"))
  end)


  it("bans a consumer from wherever it comes", function()
    attack("consumer", "192.0.2.20", { apikey = "alice-key" })
    local record = action("consumer", "active")
    assert.equal("consumer", record.by)
    assert.equal(403, status("consumer", "203.0.113.1", { apikey = "alice-key" }))
    assert.equal(200, status("consumer", "203.0.113.1", { apikey = "bob-key" }))
    assert.equal(200, status("consumer", "192.0.2.20", { apikey = "bob-key" }))
  end)


  it("bans one of a consumer's credentials", function()
    attack("credential", "192.0.2.30", { apikey = "carol-old" })
    action("credential", "active")
    assert.equal(403, status("credential", "203.0.113.2", { apikey = "carol-old" }))
    assert.equal(200, status("credential", "203.0.113.2", { apikey = "carol-new" }))
  end)


  it("leaves the credentials of a protected consumer alone", function()
    attack("partner", "192.0.2.40", { apikey = "partner-key" })
    assert.matches("protected", action("partner", "refused").why)
    assert.equal(200, status("partner", "192.0.2.40", { apikey = "partner-key" }))
  end)


  it("bans a session by its hash", function()
    attack("session", "192.0.2.50", { cookie = "sid=stolen" })
    local record = action("session", "active")
    assert.matches("^%x+$", record.clients[1])
    assert.equal(403, status("session", "203.0.113.3", { cookie = "a=b; sid=stolen" }))
    assert.equal(200, status("session", "203.0.113.3", { cookie = "sid=other" }))

    revert(record)
    eventually(function() return status("session", "203.0.113.3", { cookie = "sid=stolen" }) == 200 end)
  end)


  it("holds a client to so many requests in all workers, for a time", function()
    attack("throttled", "192.0.2.60")
    local record = action("throttled", "active")
    assert.equal("memory", record.tier)
    local passed, refused = 0, nil
    for _ = 1, 20 do
      local response = get("throttled", "192.0.2.60")
      passed = passed + (response.status == 200 and 1 or 0)
      refused = response.status == 429 and response or refused
    end
    assert.equal(5, passed)
    assert.is_true(tonumber(refused.headers["retry-after"]) >= 1)
    assert.equal(200, status("throttled", "192.0.2.61"))
    assert.equal(200, status("elsewhere", "192.0.2.60"))

    action("throttled", "expired")
    assert.equal(200, status("throttled", "192.0.2.60"))
  end)


  if has_plugins then
    it("denies a consumer by Kong's own plugin, and takes it away", function()
      local function made()
        return gw:admin("GET", "/consumers/dave/plugins").json.data
      end

      assert.equal(200, status("consumer", "203.0.113.4", { apikey = "dave-other" }))
      attack("denied", "192.0.2.70", { apikey = "dave-key" })
      action("denied", "active")
      assert.equal("request-termination", made()[1].name)
      assert.equal("threat-agent", made()[1].tags[1])
      eventually(function() return status("consumer", "203.0.113.4", { apikey = "dave-other" }) == 403 end)
      assert.equal(200, status("consumer", "203.0.113.4", { apikey = "bob-key" }))

      action("denied", "expired")
      assert.equal(0, #made())
      eventually(function() return status("consumer", "203.0.113.4", { apikey = "dave-other" }) == 200 end)
    end)
  end


  it("exempts clients on a route while their network is banned", function()
    attack("partners", "192.0.2.80")
    -- Who asked the route itself meanwhile would be somebody that the ban must not touch.
    eventually(function()
      for _, record in ipairs(gw:admin("GET", "/threat-agent/actions").json.data) do
        if record.place.route_name == "partners" and record.action == "ban" then
          return record.state == "active"
        end
      end
    end, 20)
    eventually(function() return status("partners", "192.0.2.82") == 403 end)
    assert.equal(200, status("partners", "192.0.2.81"))
    assert.equal(200, get("partners", "203.0.113.5", nil, INJECTION).status)

    revert({ id = gw:admin("GET", "/threat-agent/allow").json.data[1].action })
    eventually(function() return status("partners", "192.0.2.81") == 403 end)
  end)


  it("exempts by hand on one route, from bans everywhere, for a time", function()
    local client = "198.18.0.7"
    local asked = { client = client, route = "elsewhere", ttl_s = 600, reason = "a test" }
    assert.equal(202, gw:admin("POST", "/threat-agent/bans", { client = client, ttl_s = 600 }).status)
    eventually(function() return status("elsewhere", client) == 403 end)
    assert.equal(400, gw:admin("POST", "/threat-agent/allow", { client = client }).status)
    assert.equal(400, gw:admin("POST", "/threat-agent/allow", { client = client, route = "none" }).status)
    assert.equal(202, gw:admin("POST", "/threat-agent/allow", asked).status)
    eventually(function() return status("elsewhere", client) == 200 end)
    assert.equal(403, status("network", client))
    local listed = gw:admin("GET", "/threat-agent/allow").json.data[1]
    assert.same({ client, "elsewhere" }, { listed.client, listed.route_name })

    assert.equal(202, gw:admin("DELETE", "/threat-agent/allow/" .. client).status)
    eventually(function() return status("elsewhere", client) == 403 end)
    assert.equal(404, gw:admin("DELETE", "/threat-agent/allow/" .. client).status)
    assert.equal(202, gw:admin("DELETE", "/threat-agent/bans/" .. client).status)
    eventually(function() return status("elsewhere", client) == 200 end)

    asked.ttl_s = 2
    assert.equal(202, gw:admin("POST", "/threat-agent/allow", asked).status)
    eventually(function() return get("elsewhere", client, nil, INJECTION).status == 200 end)
    eventually(function() return get("elsewhere", client, nil, INJECTION).status == 403 end)
  end)


  it("bans and lifts a network by hand", function()
    assert.equal(400, gw:admin("POST", "/threat-agent/bans", { client = "203.0.113.0/23" }).status)
    assert.equal(202, gw:admin("POST", "/threat-agent/bans", { client = "203.0.113.0/24", ttl_s = 60 }).status)
    eventually(function() return status("elsewhere", "203.0.113.77") == 403 end)
    assert.equal(200, status("elsewhere", "203.0.114.77"))
    assert.equal(202, gw:admin("DELETE", "/threat-agent/bans/203.0.113.77?by=network").status)
    eventually(function() return status("elsewhere", "203.0.113.77") == 200 end)
  end)
end)
