-- Each action: applied, verified, and over when its time is, with everything as it was. On every gateway
-- that has what it needs, data planes included.


local cjson = require "cjson.safe"
local faults = require "spec.support.faults"
local gateway = require "spec.support.gateway"
local templates = dofile("lua/kong/plugins/threat-agent/actions/templates.lua")
local socket = require "socket"


-- Where there is a database a proxy before the Admin API holds the agent to its role.
local ROLE_PORT = gateway.has_database and gateway.free_port()

-- Kong's own plugins are not part of the embedded gateway.
local has_plugins = gateway.kind ~= "embedded"

local INJECTION = "?q=1%27%20UNION%20SELECT%20password%20FROM%20users--"


-- Name → the step; `service`: the service, where it is not the demo API; `plugins` that stand on the route; `keyed`: a
-- consumer shows its key. The name is the action's, or says what of its kind stands there already.
local MEMORY = {
  ban = { step = "action: ban, suspicion: low" },
  on_signal = { step = "action: ban, when: signal, suspicion: low" },
  tag = { step = "action: tag, suspicion: low", unverified = true },
  throttle = { step = "action: throttle, suspicion: low, limit: 3" },
  concurrency_cap = { step = "action: concurrency_cap, limit: 4" },
}

local EVERYWHERE = {
  restrict_route = { step = "action: restrict_route, methods: [GET, POST]" },
  restrict_hosts = { step = "action: restrict_route, hosts: [other.test]" },
  restrict_headers = { step = "action: restrict_route, headers: { X-Partner: ['yes'] }" },
  reroute = { step = "action: reroute, url: 'http://127.0.0.1:1/nothing'" },
  divert_route = { step = "action: divert_route, to_service: sinkhole" },
}

local BY_PLUGINS = {
  rate_limiting = { step = "action: rate_limiting, per_minute: 5" },
  ip_restriction = { step = "action: ip_restriction, suspicion: low" },
  request_termination = { step = "action: request_termination, status_code: 503" },
  disable_plugin = { step = "action: disable_plugin, plugin: correlation-id", plugins = "{ name: correlation-id }" },
  drain_target = { step = "action: drain_target, upstream_target: 'localhost:${DEMO_PORT}'" },
  hot_patch = { step = "action: hot_patch, template: refuse_parameter, parameter: debug" },
  code_beside_code = { step = "action: hot_patch, template: refuse_parameter, parameter: debug",
                       plugins = "{ name: pre-function, config: { access: ['return nil'] } }" },
  lower_limit = { step = "action: rate_limiting, per_minute: 5",
                  plugins = "{ name: rate-limiting, config: { second: 100, minute: 1000, policy: local, limit_by: ip } }" },
  no_trigger = { step = "action: request_termination, status_code: 503",
                 plugins = "{ name: request-termination, config: { trigger: x-debug, status_code: 404, body: gone } }" },
  switched_on = { step = "action: ip_restriction, suspicion: low",
                  plugins = "{ name: ip-restriction, enabled: false, config: { allow: [10.0.0.0/8] } }" },
  reroute_from_tls = { step = "action: reroute, url: 'http://127.0.0.1:1/nothing'",
                       service = "host: 127.0.0.1, port: 1, protocol: https, tls_verify: true, tls_verify_depth: 3" },
  own_template = { step = "action: hot_patch, template: mark, parameter: 'a \" b'" },
  limit_consumer = { step = "action: limit_consumer, suspicion: low, per_minute: 5", plugins = "{ name: key-auth }", keyed = true },
  deny_consumer = { step = "action: deny_consumer, suspicion: low", plugins = "{ name: key-auth }", keyed = true },
  disable_credential = { step = "action: disable_credential, suspicion: low", plugins = "{ name: key-auth }", keyed = true },
  acl = { step = "action: acl, suspicion: low", keyed = true,
          plugins = "{ name: key-auth }, { name: acl, config: { deny: [blocked] } }" },
}


local cases, names = {}, {}
for _, list in ipairs({ MEMORY, EVERYWHERE, has_plugins and BY_PLUGINS or {} }) do
  for name, case in pairs(list) do
    cases[name] = case
    names[#names + 1] = name
  end
end
table.sort(names)


local function config()
  local services, policies, consumers = {}, {}, {}
  for i, name in ipairs(names) do
    local case = cases[name]
    local to = case.service or "url: 'http://" .. (name == "drain_target" and "pool" or "127.0.0.1:${DEMO_PORT}") .. "'"
    services[i] = ("  - { name: %s, %s, routes: [{ name: %s, paths: [/%s]%s }] }\n"):format(
      name, to, name, name,
      case.plugins and ", plugins: [" .. case.plugins .. "]" or "")
    policies[i] = ("          - { id: %s, routes: [%s], min_confidence: 0.3, min_severity: low, "
                   .. "steps: [{ %s, ttl_s: 45, verify_after_s: 10 }] }\n"):format(name, name, case.step)
    if case.keyed then
      consumers[#consumers + 1] = ("  - { username: %s, keyauth_credentials: [{ key: %s-key }] }\n"):format(name, name)
    end
  end

  if has_plugins then
    services[#services + 1] = ("  - { name: patched, url: 'http://127.0.0.1:${DEMO_PORT}', routes: [{ name: patched, "
                               .. "paths: [/patched], plugins: [{ name: pre-function, config: { access: %s } }] }] }\n")
                              :format(cjson.encode({ assert(templates.render("refuse_parameter", "debug")),
                                                     assert(templates.render("refuse_body_size", "100")) }))
  end

  return '_format_version: "3.0"\nservices:\n  - { name: sinkhole, url: "http://127.0.0.1:1" }\n' .. table.concat(services)
    .. (#consumers > 0 and "consumers:\n" .. table.concat(consumers) or "")
    .. (has_plugins and "upstreams:\n  - { name: pool, targets: [{ target: '127.0.0.1:${DEMO_PORT}' }, "
                        .. "{ target: 'localhost:${DEMO_PORT}' }] }\n" or "")
    .. [[
plugins:
  - name: threat-agent
    config:
      mode: enforce
      response:
        admin_api: { url: "http://127.0.0.1:]] .. (ROLE_PORT or "${ADMIN_PORT}") .. [[" }
        templates: [{ name: mark, code: 'kong.service.request.set_header("x-mark", {{parameter}})' }]
        blast_radius: { good_ratio: 1, consumer_ratio: 1, route_ratio: 1 }
        budget: { per_minute: 100 }
        policies:
]] .. table.concat(policies)
end


describe(gateway.describe_name("each action:"), function()
  local gw, proxy
  local seen = {}     -- name → { before, during, after, states, active, ended }


  -- Without what changes by itself, and in one order.
  local function plain(value)
    if type(value) ~= "table" then
      return tostring(value)
    end

    local parts = {}
    for key, field in pairs(value) do
      if key ~= "updated_at" and key ~= "created_at" and key ~= "next" then
        parts[#parts + 1] = tostring(key) .. "=" .. plain(field)
      end
    end
    table.sort(parts)
    return "{" .. table.concat(parts, ",") .. "}"
  end


  -- All that an action of a name may change.
  local function observed(name)
    local paths = { "/routes/" .. name, "/services/" .. name, "/routes/" .. name .. "/plugins" }
    if cases[name].keyed then
      paths[#paths + 1] = "/consumers/" .. name .. "/plugins"
      paths[#paths + 1] = "/consumers/" .. name .. "/acls"
    elseif name == "drain_target" then
      paths[#paths + 1] = "/upstreams/pool/targets"
    end

    local parts = {}
    for i, path in ipairs(paths) do
      parts[i] = plain(gw:admin("GET", path).json)
    end
    return table.concat(parts, "\n")
  end


  local function attack(name, client)
    if cases[name].keyed then
      for _ = 1, 10 do
        gw:http({ path = "/" .. name .. "/products" .. INJECTION,
                  headers = { apikey = name .. "-key", ["x-forwarded-for"] = client } })
      end
      return
    end

    gw:stuff(name, client)
  end


  local function look(name)
    local record, state = gw:records(name)[1], seen[name]
    if record and record.state == "active" and not state.active then
      state.active, state.during = record, observed(name)
    elseif record and record.state ~= "active" and record.state ~= "applying" and record.state ~= "reverting"
           and not state.ended then
      state.ended, state.after = record, observed(name)
    end

    return state.ended ~= nil
  end


  setup(function()
    gw = gateway.start({ config = config(), trusted_ips = "127.0.0.1" })
    if ROLE_PORT then
      proxy = faults.start(gw, ROLE_PORT, "role")
    end
    gateway.eventually(function()
      return gw:http({ path = "/ban/products" }).status == 200
    end, 30)
    for i, name in ipairs(names) do
      seen[name] = { before = observed(name) }
      attack(name, "192.0.2." .. i)
    end

    -- Attacks go on until something is done: what has ended by itself is no improvement.
    local deadline, again = socket.gettime() + 150, socket.gettime() + 2
    local waits
    repeat
      waits = 0
      local is_due = socket.gettime() >= again
      again = is_due and socket.gettime() + 2 or again
      for i, name in ipairs(names) do
        waits = waits + (look(name) and 0 or 1)
        if is_due and not seen[name].active and not seen[name].ended then
          attack(name, "192.0.2." .. i)
        end
      end
      socket.sleep(0.1)
    until waits == 0 or socket.gettime() > deadline
  end)

  teardown(function()
    if proxy then
      proxy:stop()
    end
    gw:stop()
  end)


  for _, name in ipairs(names) do
    it(name .. " is applied, verified and over", function()
      local state = seen[name]
      assert.is_truthy(state.active, state.ended and state.ended.why or "no action")
      if MEMORY[name] then
        assert.equal("memory", state.active.tier)
        assert.equal(state.before, state.during)
      else
        assert.equal(gateway.has_database and "admin_api" or "dbless", state.active.tier)
        assert.not_equal(state.before, state.during)
      end

      assert.equal("expired", state.ended.state, state.ended.why)
      if not cases[name].unverified then
        assert.equal("improved", state.ended.result)
        assert.is_true(state.ended.stands)
      end
      assert.equal(state.before, state.after)
    end)
  end


  if has_plugins then
    it("hot_patch looks at all of a query and of a body", function()
      local junk = ("x=1&"):rep(150)
      assert.equal(200, gw:http({ path = "/patched/products?" .. junk .. "a=debug" }).status)
      assert.equal(403, gw:http({ path = "/patched/products?" .. junk .. "%64ebug=1" }).status)

      local function in_chunks(size)
        return gw:raw(("POST /patched/products HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
                       .. "%x\r\n%s\r\n0\r\n\r\n"):format(size, ("x"):rep(size)))
      end
      assert.not_matches("^HTTP/1.1 413", in_chunks(100))
      assert.matches("^HTTP/1.1 413", in_chunks(101))
      -- More than what stays in memory.
      assert.matches("^HTTP/1.1 413", in_chunks(100000))
    end)
  end


  if ROLE_PORT then
    it("needs no more than the agent's role, which allows no other write", function()
      local through = setmetatable({ admin_port = ROLE_PORT }, { __index = gw })
      assert.equal(200, through:admin("GET", "/").status)
      for _, path in ipairs({ "/services", "/routes", "/plugins", "/consumers", "/upstreams", "/acls", "/certificates",
                              "/consumers/acl/key-auth", "/routes/ban/plugins", "/config" }) do
        assert.equal(403, through:admin("POST", path, { name = "x" }).status, path)
      end
      for _, path in ipairs({ "/consumers/acl", "/certificates/x", "/vaults/x", "/consumers/acl/key-auth/x" }) do
        for _, method in ipairs({ "PUT", "PATCH", "DELETE" }) do
          assert.equal(403, through:admin(method, path, { username = "x" }).status, method .. " " .. path)
        end
      end
      assert.equal(200, gw:admin("GET", "/consumers/acl").status)
    end)
  end
end)
