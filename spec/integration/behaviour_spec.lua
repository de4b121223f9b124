-- What the gateway learns and names by itself: incidents, suspects, a leader, and what outlasts a
-- restart.


local gateway = require "spec.support.gateway"


local eventually = gateway.eventually


local CONFIG = [[
_format_version: "3.0"
services:
  - name: shop
    url: http://127.0.0.1:${DEMO_PORT}
    routes:
      - { name: shop, paths: ["/"], strip_path: false }
      - { name: login, paths: ["/login"], strip_path: false }
      - name: watched-by-none
        paths: ["/unwatched"]
        plugins:
          - name: threat-agent
            config: { mode: enforce, behaviour: { enabled: false } }
plugins:
  - name: threat-agent
    config:
      mode: enforce
      rules:
        - { id: tool, action: block, ban_s: 600, user_agents: [masscan] }
]]


gateway.describe("behaviour:", { config = CONFIG, trusted_ips = "127.0.0.1" }, function(gw)
  local function send(client, request)
    request.headers = request.headers or {}
    request.headers["x-forwarded-for"] = client
    return gw:http(request)
  end


  local function login(client, username, password)
    return send(client, { path = "/login", json = { username = username, password = password } })
  end


  local function incidents(category)
    local found = {}
    for _, incident in ipairs(gw:admin("GET", "/threat-agent/incidents").json.data) do
      if incident.category == category then
        found[#found + 1] = incident
      end
    end

    return found
  end


  local function incident(category)
    return eventually(function() return incidents(category)[1] end, 15)
  end


  it("a client that tries many accounts is named, and slowed down at the login only", function()
    local refused_at
    for n = 1, 40 do
      local status = login("192.0.2.10", "user-" .. n, "guess").status
      if status ~= 401 then
        refused_at = refused_at or n
        assert.equal(429, status)
      end
    end
    assert.is_truthy(refused_at and refused_at <= 20, tostring(refused_at))
    assert.equal(200, login("192.0.2.11", "alice", "alice-pass").status)
    assert.equal(200, send("192.0.2.10", { path = "/products" }).status)

    local found = incident("credential_stuffing")
    assert.equal("192.0.2.10", found.top_clients[1].client)
    assert.equal("login", found.route_name)
    assert.is_truthy(found.title:find("route login", 1, true), found.title)
    assert.is_true(#found.reasons >= 1)
    assert.is_true(found.score >= 0.5)
    assert.is_nil(found.title:find("guess", 1, true))
  end)


  it("who is protected is named and not slowed down: a proxy on this host is everybody", function()
    for n = 1, 40 do
      local response = gw:http({ path = "/login", json = { username = "colleague-" .. n, password = "guess" } })
      assert.equal(401, response.status)
    end
    assert.equal(403, gw:http({ path = "/search?q=1%27+UNION+SELECT+password+FROM+users--" }).status)
    assert.equal(200, gw:http({ path = "/products" }).status)

    eventually(function()
      for _, top in ipairs(incidents("credential_stuffing")[1].top_clients) do
        if top.client == "127.0.0.1" then
          return true
        end
      end
    end, 15)
  end)


  it("an instance that switches it off suspects nobody", function()
    for n = 1, 60 do
      assert.equal(404, send("192.0.2.20", { path = "/unwatched/no-such-page/" .. n }).status)
    end
    assert.equal(404, send("192.0.2.20", { path = "/unwatched/no-such-page" }).status)
  end)


  it("attacks of two hundred clients on one route are one incident", function()
    local reference
    for n = 1, 200 do
      local response = send("198.51.100." .. n, { path = "/search?q=1%27+UNION+SELECT+password+FROM+users--+" .. n })
      assert.equal(403, response.status)
      reference = response.json.incident
    end
    assert.is_string(reference)

    eventually(function()
      local found = incidents("payload_injection")
      assert.equal(1, #found)
      return found[1].clients >= 100
    end, 20)
    assert.equal("payload_injection", incidents("payload_injection")[1].category)
  end)


  it("a new worker leads when the leader dies", function()
    eventually(function() return #gw:error_log("leads this node") >= 1 end)
    local before = #gw:error_log("leads this node")
    for _, pid in ipairs(gw:worker_pids()) do
      gateway.run("kill -9 " .. pid)
    end
    eventually(function() return #gw:error_log("leads this node") > before end, 15)

    for n = 1, 60 do
      send("192.0.2.30", { path = "/no-such-page/" .. n })
    end
    local found = incident("abuse")
    assert.equal("192.0.2.30", found.top_clients[1].client)
  end)


  it("bans and what was learned outlast a restart", function()
    assert.equal(403, send("192.0.2.40", { path = "/", headers = { ["user-agent"] = "masscan" } }).status)
    local folder = gw.prefix .. "/threat-agent/"
    local before = gateway.read_file(folder .. "bans.snapshot")
    eventually(function()
      local now = gateway.read_file(folder .. "bans.snapshot")
      return now ~= before and #now > 0
    end, 40)
    eventually(function() return #gateway.read_file(folder .. "learned.json") > 0 end, 20)

    gw:restart()
    assert.equal(403, send("192.0.2.40", { path = "/products" }).status)
    assert.equal(200, send("192.0.2.41", { path = "/products" }).status)
  end)
end)
