-- A data plane without any credential of the Admin API, and the companion that acts for it: what it
-- takes and what it refuses, whoever holds the key; away, slow and killed at any step.


local cjson = require "cjson.safe"
local faults = require "spec.support.faults"
local gateway = require "spec.support.gateway"
local http = require "spec.support.http"


local eventually = gateway.eventually

local is_hybrid = gateway.kind == "kong-hybrid"


local KEY = "0123456789abcdef-companion"
local PROXY_PORT = gateway.free_port()
local NODE = "11111111-2222-4333-8444-555555555555"

-- The same entities on both nodes: the number is the end of the id.
local ROUTES = { "applied", "queued", "killed", "guarded", "unwanted", "asked", "approved", "deployed" }

local function id_of(kind, n)
  return ("00000000-0000-4000-8000-%s%011d"):format(kind == "route" and "1" or "2", n)
end


local function entities()
  local parts = { '_format_version: "3.0"\nservices:\n' }
  for n, name in ipairs(ROUTES) do
    parts[#parts + 1] = ("  - { id: %s, name: %s, url: 'http://127.0.0.1:${DEMO_PORT}', routes: "
      .. "[{ id: %s, name: %s, paths: [/%s] }] }\n"):format(id_of("service", n), name, id_of("route", n), name, name)
  end

  return table.concat(parts)
end


local function policy(name, more)
  return ("          - { id: %s, routes: [%s], min_confidence: 0.3, min_severity: low%s }\n"):format(name, name, more)
end


local RESTRICT = "{ action: restrict_route, methods: [GET, POST], ttl_s: 600, verify_after_s: 600 }"

local function config(response)
  return entities() .. [[
plugins:
  - name: threat-agent
    config:
      mode: enforce
      response:
        blast_radius: { good_ratio: 1 }
        protected: { routes: [guarded] }
        budget: { per_minute: 20 }
]] .. response .. "        policies:\n"
    .. policy("applied", ", steps: [{ action: restrict_route, methods: [GET, POST], ttl_s: 10, verify_after_s: 600 }]")
    .. policy("queued", ", steps: [{ action: ban, ttl_s: 600, verify_after_s: 600 }, " .. RESTRICT .. "]")
    .. policy("killed", ", steps: [" .. RESTRICT .. "]")
    .. policy("unwanted", ", steps: [{ action: reroute, url: 'http://127.0.0.1:1/', ttl_s: 600, verify_after_s: 600 }]")
    .. policy("approved", ", approval: required, steps: [" .. RESTRICT .. "]")
    .. policy("deployed", ", categories: [route_misconfiguration], steps: [{ action: rollback, ttl_s: 0 }]")
    .. policy("guarded", ", steps: [" .. RESTRICT .. "]")
    .. policy("asked", ", steps: [" .. RESTRICT .. "]")
end


local function url(port)
  return "url: 'http://127.0.0.1:" .. port .. "', key: '"
         .. (is_hybrid and "{vault://env/companion-key}" or KEY) .. "'"
end

local ASKS = "        responder: companion\n"
local ACCEPTS = "accepts: [restrict_route, rate_limiting, rollback]"


describe(gateway.describe_name("a companion:"), function()
  local edge, hub, hub_prefix, companion_port, proxy, cluster

  setup(function()
    if is_hybrid then
      -- One configuration for both halves: each of them knows which it is.
      edge = gateway.start({
        config = config(ASKS .. "        companion: { " .. url(PROXY_PORT) .. ", " .. ACCEPTS .. " }\n"),
        trusted_ips = "127.0.0.1",
        env = { COMPANION_KEY = KEY },
      })
      hub, hub_prefix, companion_port = edge, edge.prefix .. "/cp", edge.control_status_port
    else
      -- With a database, too, both have one workspace, as in hybrid mode.
      cluster = os.tmpname()
      os.remove(cluster)
      local env = { POSTGRES_TEMPLATE = cluster }
      hub = gateway.start({ config = config("        companion: { " .. url(1) .. ", " .. ACCEPTS .. " }\n"), env = env })
      edge = gateway.start({ config = config(ASKS .. "        companion: { " .. url(PROXY_PORT) .. " }\n"),
                             trusted_ips = "127.0.0.1", env = env })
      hub_prefix, companion_port = hub.prefix, hub.status_port
    end

    proxy = faults.start(edge, PROXY_PORT, "pass", companion_port)
    eventually(function()
      return edge:http({ path = "/applied/products" }).status == 200
    end, 30)
  end)

  teardown(function()
    proxy:stop()
    edge:stop()
    if hub ~= edge then
      hub:stop()
      gateway.run("rm -rf " .. cluster)
    end
  end)


  local clients = 0

  -- A new incident on a route, by a new client.
  local function attack(route)
    clients = clients + 1
    local client = "192.0.2." .. clients
    edge:stuff(route, client)

    return client
  end


  local function find(prefix, route, action)
    for _, record in ipairs(gateway.records_in(prefix, route)) do
      if record.action == (action or record.action) then
        return record
      end
    end
  end


  local function in_state(prefix, route, state, action)
    return eventually(function()
      local record = find(prefix, route, action)
      return record and record.state == state and record
    end, 40)
  end


  local function methods(route)
    local list = hub:admin("GET", "/routes/" .. route).json.methods
    return type(list) == "table" and table.concat(list, ",") or ""
  end


  local function hmac(key, text)
    local path = edge.prefix .. "/to-sign"
    gateway.write_file(path, text)
    return gateway.run("openssl dgst -sha256 -hmac '" .. key .. "' < " .. path):match("(%x+)%s*$")
  end


  local nonces = 0

  -- A request as whoever holds the key can send it. Options: key, at_s, nonce, signed (the body that is signed).
  local function ask(question, options)
    options = options or {}
    nonces = nonces + 1
    question.node = question.node or NODE
    local body = cjson.encode(question)
    local nonce = options.nonce or ("nonce-of-the-spec-%d-%d"):format(os.time(), nonces)
    local at = options.at_s or os.time()
    local text = at .. ".POST\n/threat-agent/companion\n" .. nonce .. "\n" .. (options.signed or body)
    local digest = hmac(options.key or KEY, text)
    return assert(http.request(companion_port, {
      method = "POST", path = "/threat-agent/companion", body = body,
      headers = { ["content-type"] = "application/json", ["x-threat-agent-nonce"] = nonce,
                  ["x-threat-agent-signature"] = not options.unsigned and "t=" .. at .. ",v1=" .. digest or nil },
    }))
  end


  local function question(route, more)
    local n
    for i, name in ipairs(ROUTES) do
      n = name == route and i or n
    end
    local asked = { command = "apply", id = "spec-" .. route, created_s = 1700000000, incident = "SPEC", category = "abuse",
                    title = "asked", policy = route, step = 1, place = { workspace = "", route = id_of("route", n) }, touches_ratio = 0 }
    for name, value in pairs(more or {}) do
      asked[name] = value
    end

    return asked
  end


  it("changes entities for a data plane, tells what it changed, and takes it back", function()
    attack("applied")
    local there = in_state(hub_prefix, "applied", "active")
    assert.equal("GET,POST", methods("applied"))
    local here = in_state(edge.prefix, "applied", "active")
    assert.equal("companion", here.tier)
    assert.equal("routes", here.changes[1].kind)
    assert.same({ "GET", "POST" }, here.changes[1].set.methods)
    assert.equal(there.changes[1].id, here.changes[1].id)
    assert.equal(gateway.has_database and "admin_api" or "dbless", there.tier)
    assert.equal(1, edge:status("/threat-agent/status").json.actions.tiers.companion)

    in_state(edge.prefix, "applied", "expired")
    eventually(function() return methods("applied") == "" end)
    assert.is_true(find(hub_prefix, "applied").state ~= "active")
  end)


  it("takes nothing that is not signed with the key, in time, once", function()
    local asked = question("asked")
    assert.equal(401, ask(asked, { unsigned = true }).status)
    assert.matches("not signed with the key", ask(asked, { key = "another-key-of-length" }).json.message)
    assert.matches("not signed with the key", ask(asked, { signed = "{}" }).json.message)
    assert.matches("clocks", ask(asked, { at_s = os.time() - 400 }).json.message)
    assert.matches("clocks", ask(asked, { at_s = os.time() + 400 }).json.message)
    assert.matches("before this node was started", ask(asked, { at_s = os.time() - 250 }).json.message)
    assert.equal(401, ask(asked, { nonce = "short" }).status)
    assert.equal("", methods("asked"))
    assert.is_nil(find(hub_prefix, "asked"))

    local answer = ask(asked, { nonce = "nonce-of-the-spec-again" })
    assert.equal("active", answer.json.state, answer.body)
    assert.is_truthy(answer.headers["x-threat-agent-signature"])
    assert.matches("used already", ask(asked, { nonce = "nonce-of-the-spec-again" }).json.message)

    -- The same action once more, signed anew, is the same action.
    assert.equal("active", ask(asked).json.state)
    local verified = ask(question("asked", { command = "verify", result = "improved" })).json
    assert.is_true(verified.stands)
    assert.equal("reverted", ask(question("asked", { command = "revert" })).json.state)
    assert.equal("", methods("asked"))
    -- What has ended does not begin again, and what is decided anew is another action.
    assert.equal("reverted", ask(asked).json.state)
    assert.equal("active", ask(question("asked", { created_s = 1700000001 })).json.state)
    assert.equal("reverted", ask(question("asked", { created_s = 1700000001, command = "revert" })).json.state)
  end)


  it("refuses whoever holds the key what its own configuration does not allow", function()
    local function refused(asked)
      local answer = ask(asked)
      assert.equal(200, answer.status, answer.body)
      assert.equal("refused", answer.json.state)
      return answer.json.why
    end

    assert.matches("does not accept reroute", refused(question("unwanted")))
    assert.matches("protected", refused(question("guarded")))
    assert.matches("no such step", refused(question("asked", { id = "spec-a", policy = "made-up" })))
    assert.matches("no such step", refused(question("asked", { id = "spec-b", step = 7 })))
    assert.matches("not for that place", refused(question("asked", { id = "spec-c", policy = "killed" })))
    assert.matches("no such entity", refused(question("asked", {
      id = "spec-d", place = { workspace = "", route = "00000000-0000-4000-8000-999999999999" } })))
    assert.matches("expected node", refused(question("asked", { id = "../x" })))
    assert.matches("expected node", refused(question("asked", { command = "delete" })))
    assert.matches("expected node", refused(question("asked", { created_s = "now" })))
    assert.equal("unknown", ask(question("asked", { id = "spec-e", command = "revert" })).json.state)
    assert.equal("", methods("guarded"))
    -- What its gates refuse is written down; what comes to no plan is not.
    local refusals = {}
    for _, record in ipairs(gateway.records_in(hub_prefix)) do
      refusals[#refusals + 1] = record.state == "refused" and record.asked_by == NODE and record.why or nil
    end
    assert.same({ "its route is protected" }, refusals)
  end)


  it("asks for approval itself, whatever the data plane says", function()
    local asked = question("approved", { approved_by = "an operator of the data plane" })
    assert.equal("pending", ask(asked).json.state)
    assert.equal("", methods("approved"))
    local record = find(hub_prefix, "approved")
    if not is_hybrid then
      assert.equal(202, hub:admin("POST", "/threat-agent/actions/" .. record.id .. "/approve").status)
    else
      eventually(function()
        return hub:admin("POST", "/threat-agent/actions/" .. record.id .. "/approve").status == 202
      end)
    end
    in_state(hub_prefix, "approved", "active")
    assert.equal("GET,POST", methods("approved"))
    assert.equal("active", ask(asked).json.state)
    assert.equal("reverted", ask(question("approved", { command = "revert" })).json.state)
  end)


  it("may be away: memory holds, what is to be written waits, and is written when it is back", function()
    proxy:mode("close")
    local client = attack("queued")
    in_state(edge.prefix, "queued", "active", "ban")
    assert.equal(403, edge:http({ path = "/queued/products", headers = { ["x-forwarded-for"] = client } }).status)
    for _, fault in ipairs({ "close", "cut", "500", "429" }) do
      proxy:mode(fault)
      local before = find(edge.prefix, "queued", "restrict_route")
      eventually(function()
        local now = find(edge.prefix, "queued", "restrict_route")
        return now and now.state == "applying" and (now.tries or 0) > (before and before.tries or 0)
      end, 40)
    end
    local status = edge:status("/threat-agent/status").json.actions
    assert.equal(1, status.queued)
    -- It may name an address, which the Status API's readers need not know.
    assert.is_nil(status.queued_because)
    assert.matches("companion", find(edge.prefix, "queued", "restrict_route").failure)
    if not is_hybrid then
      assert.matches("companion", edge:admin("GET", "/threat-agent/status").json.actions.queued_because)
    end
    assert.equal(200, edge:http({ path = "/queued/products" }).status)

    proxy:mode("pass")
    in_state(edge.prefix, "queued", "active", "restrict_route")
    assert.equal("GET,POST", methods("queued"))
    assert.equal(0, edge:status("/threat-agent/status").json.actions.queued)
  end)


  if is_hybrid then
    it("takes a bad deploy back by its own history", function()
      for _ = 1, 60 do
        assert.equal(200, edge:http({ path = "/deployed/products" }).status)
      end
      eventually(function() return #gateway.read_file(hub_prefix .. "/threat-agent/configuration.json") > 0 end)
      assert.equal(200, hub:admin("PATCH", "/services/deployed", { port = 1 }).status)
      local n = 0
      local record = eventually(function()
        n = n + 1
        edge:http({ path = "/deployed/products", headers = { ["x-forwarded-for"] = "198.51.100." .. n % 60 + 1 } })
        local found = find(edge.prefix, "deployed")
        return found and found.state == "active" and found
      end, 40)
      assert.equal("companion", record.tier)
      assert.equal(edge.demo_port, hub:admin("GET", "/services/deployed").json.port)
    end)
  end


  -- Ends a node's workers as they are, with the journal as it stood after a step.
  local function killed_at(prefix, state)
    local path = prefix .. "/threat-agent/actions.json"
    local list = gateway.records_in(prefix)
    for _, record in ipairs(list) do
      if record.place.route_name == "killed" then
        record.state = state
      end
    end
    gateway.write_file(path, cjson.encode(setmetatable(list, cjson.array_mt)))
    local master = gateway.read_file(prefix .. "/pids/nginx.pid"):match("%d+")
    for pid in gateway.read_file(("/proc/%s/task/%s/children"):format(master, master)):gmatch("%d+") do
      if gateway.read_file("/proc/" .. pid .. "/cmdline"):find("worker process", 1, true) then
        gateway.run("kill -9 " .. pid)
      end
    end
  end


  it("and its data plane may be killed at any step: nothing is made twice, nothing is left", function()
    attack("killed")
    in_state(edge.prefix, "killed", "active")
    -- The worker that is asked may take the configuration over a moment after the one that took it in.
    local function stands()
      return methods("killed") == "GET,POST"
    end
    eventually(stands)

    for _, prefix in ipairs({ edge.prefix, hub_prefix }) do
      killed_at(prefix, "applying")
      in_state(prefix, "killed", "active")
      eventually(stands)
    end

    assert.equal(1, #gateway.records_in(edge.prefix, "killed"))
    assert.equal(1, #gateway.records_in(hub_prefix, "killed"))

    killed_at(edge.prefix, "reverting")
    eventually(function() return methods("killed") == "" end, 30)
    eventually(function() return find(edge.prefix, "killed").state ~= "reverting" end, 30)
    killed_at(hub_prefix, "reverting")
    eventually(function() return find(hub_prefix, "killed").state ~= "reverting" end, 30)
    assert.equal("", methods("killed"))
  end)


  if not is_hybrid then
    it("takes back what it did, also when the data plane would do so itself by now", function()
      local record = in_state(edge.prefix, "queued", "active", "restrict_route")
      edge:patch_plugin("threat-agent", { response = { responder = "local" } })
      assert.equal(202, edge:admin("POST", "/threat-agent/actions/" .. record.id .. "/revert").status)
      in_state(edge.prefix, "queued", "reverted", "restrict_route")
      assert.equal("", methods("queued"))
    end)
  end
end)
