-- Single credentials of Kong's authentication plugins are refused and come back, and consumers join a
-- group that is denied: the secrets are as before, and the agent never had them.


local cjson = require "cjson.safe"
local gateway = require "spec.support.gateway"


-- Kong's own plugins are not part of the embedded gateway; a data plane has no Admin API to ask.
if gateway.kind ~= "kong" and gateway.kind ~= "kong-postgres" then
  return
end


local eventually = gateway.eventually

local INJECTION = "?q=1%27%20UNION%20SELECT%20password%20FROM%20users--"
local TTL_S = 12


local function service(name, plugins)
  return ("  - { name: %s, url: 'http://127.0.0.1:${DEMO_PORT}', routes: [{ name: %s, paths: [/%s], plugins: [%s] }] }\n")
         :format(name, name, name, plugins)
end


local function policy(name, action)
  return ("          - { id: %s, routes: [%s], min_confidence: 0.3, min_severity: low, "
          .. "steps: [{ action: %s, suspicion: low, ttl_s: %d, verify_after_s: 600 }] }\n"):format(name, name, action, TTL_S)
end


local CONFIG = '_format_version: "3.0"\nservices:\n'
  .. service("keyed", "{ name: key-auth }") .. service("basic", "{ name: basic-auth }") .. service("token", "{ name: jwt }")
  .. service("signed", "{ name: hmac-auth }")
  .. service("grouped", "{ name: key-auth }, { name: acl, config: { deny: [blocked, other] } }")
  .. service("allowed", "{ name: key-auth }, { name: acl, config: { allow: [members] } }")
  .. [[
consumers:
  - username: alice
    keyauth_credentials: [{ key: alice-key }, { key: alice-other }]
    basicauth_credentials: [{ username: alice, password: alice-pass }, { username: alice-two, password: alice-pass }]
    jwt_secrets: [{ key: alice-issuer, secret: alice-secret }, { key: alice-second, secret: alice-secret }]
    hmacauth_credentials: [{ username: alice-hmac, secret: alice-hmac-secret }, { username: alice-hmac2, secret: other-secret }]
  - { username: bob, keyauth_credentials: [{ key: bob-key }] }
  - { username: carol, keyauth_credentials: [{ key: carol-key }], acls: [{ group: members }] }
plugins:
  - name: threat-agent
    config:
      mode: enforce
      response:
        blast_radius: { good_ratio: 1, consumer_ratio: 1 }
        budget: { per_minute: 100 }
        policies:
]]
  .. policy("keyed", "disable_credential") .. policy("basic", "disable_credential") .. policy("token", "disable_credential")
  .. policy("signed", "disable_credential") .. policy("grouped", "acl") .. policy("allowed", "acl")


gateway.describe("credentials:", { config = CONFIG, trusted_ips = "127.0.0.1" }, function(gw)
  -- Each route has an address of its own, so that incidents do not meet.
  local addresses = { keyed = 1, basic = 2, token = 3, signed = 4, grouped = 5, allowed = 6 }

  local function get(route, headers, query)
    local copy = { ["x-forwarded-for"] = "192.0.2." .. addresses[route] }
    for name, value in pairs(headers) do
      copy[name] = value
    end

    return gw:http({ path = "/" .. route .. "/products" .. (query or ""), headers = copy })
  end


  local function status(route, headers)
    return get(route, headers).status
  end


  local function action(route, state)
    return eventually(function()
      for _, record in ipairs(gw:admin("GET", "/threat-agent/actions").json.data) do
        if record.place.route_name == route and (not state or record.state == state) then
          return record
        end
      end
    end, 30)
  end


  local function openssl(command, text)
    local path = gw.prefix .. "/to-sign"
    gateway.write_file(path, text)
    return (gateway.run("openssl " .. command .. " < " .. path .. " | base64 -w0"))
  end


  local function basic(user)
    return { authorization = "Basic " .. openssl("enc", user .. ":alice-pass") }
  end


  local function token(issuer)
    local function url(text)
      return (text:gsub("%s", ""):gsub("+", "-"):gsub("/", "_"):gsub("=", ""))
    end
    local text = url(openssl("enc", '{"alg":"HS256","typ":"JWT"}')) .. "." .. url(openssl("enc", cjson.encode({ iss = issuer })))
    return { authorization = "Bearer " .. text .. "." .. url(openssl("dgst -sha256 -hmac alice-secret -binary", text)) }
  end


  local function signed(user, secret)
    local date = os.date("!%a, %d %b %Y %H:%M:%S GMT")
    return { date = date, authorization = ('hmac username="%s", algorithm="hmac-sha256", headers="date", signature="%s"')
      :format(user, openssl("dgst -sha256 -hmac " .. secret .. " -binary", "date: " .. date)) }
  end


  -- What shows the suspected credential, and what shows another one of the same consumer.
  local CASES = {
    keyed = function() return { apikey = "alice-key" }, { apikey = "alice-other" } end,
    basic = function() return basic("alice"), basic("alice-two") end,
    token = function() return token("alice-issuer"), token("alice-second") end,
    signed = function()
      return signed("alice-hmac", "alice-hmac-secret"), signed("alice-hmac2", "other-secret")
    end,
  }


  for route, headers in pairs(CASES) do
    it("one is refused, its sibling goes on, and it comes back: " .. route, function()
      local suspected, sibling = headers()
      assert.equal(200, status(route, suspected))
      assert.equal(200, status(route, sibling))
      for _ = 1, 10 do
        assert.equal(403, get(route, (headers()), INJECTION).status)
      end
      local record = action(route, "active")
      assert.equal("credential", record.by)
      assert.equal("post-function", record.changes[1].entity.name)
      assert.is_nil(cjson.encode(record):find("alice-", 1, true), "no secret, and no name of one")

      eventually(function() return status(route, (headers())) == 403 end)
      assert.equal(200, status(route, select(2, headers())))
      action(route, "expired")
      eventually(function() return status(route, (headers())) == 200 end)
    end)
  end


  it("a consumer joins a denied group, and leaves it", function()
    assert.equal(200, status("grouped", { apikey = "bob-key" }))
    for _ = 1, 10 do
      get("grouped", { apikey = "bob-key" }, INJECTION)
    end
    action("grouped", "active")
    local groups = gw:admin("GET", "/consumers/bob/acls").json.data
    assert.equal("blocked", groups[1].group)
    assert.equal("threat-agent", groups[1].tags[1])
    eventually(function() return status("grouped", { apikey = "bob-key" }) == 403 end)
    assert.equal(200, status("keyed", { apikey = "bob-key" }))

    action("grouped", "expired")
    assert.equal(0, #gw:admin("GET", "/consumers/bob/acls").json.data)
    eventually(function() return status("grouped", { apikey = "bob-key" }) == 200 end)
  end)


  it("where no group is denied there is nothing to join", function()
    for _ = 1, 10 do
      get("allowed", { apikey = "carol-key" }, INJECTION)
    end
    eventually(function() return #gw:error_log("no acl plugin stands there that denies a group") > 0 end, 20)
    assert.equal("members", gw:admin("GET", "/consumers/carol/acls").json.data[1].group)
  end)
end)
