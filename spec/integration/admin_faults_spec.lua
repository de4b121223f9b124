-- The Admin API is away, slow, or says no: writes are tried again or given up, nothing is lost, and
-- traffic does not notice.


local faults = require "spec.support.faults"
local gateway = require "spec.support.gateway"


local eventually = gateway.eventually


local PROXY_PORT = gateway.free_port()

-- A route for each fault of a write, and for each that may be met when it is taken back.
local function routes(name, names)
  local lines = {}
  for i, fault in ipairs(names) do
    local route = name .. "_" .. fault:gsub(":", "_")
    lines[i] = ("      - { name: %s, paths: [/%s] }\n"):format(route, route)
  end

  return table.concat(lines)
end


local function written()
  return routes("write", { "close", "slow", "cut", "429", "500", "401", "409" })
end


local BACK = { "401", "403", "404", "500", "writes:401", "writes:404", "writes:500", "writes:cut" }

local function taken_back()
  return routes("back", BACK)
end


local CONFIG = [[
_format_version: "3.0"
services:
  - name: shop
    url: http://127.0.0.1:${DEMO_PORT}
    routes:
      - { name: passing, paths: [/passing] }
      - { name: refused, paths: [/refused] }
      - { name: waited_for, paths: [/waited_for] }
      - { name: passed_on, paths: [/passed_on] }
]] .. written() .. taken_back() .. [[
plugins:
  - name: threat-agent
    config:
      mode: enforce
      response:
        admin_api: { url: "http://127.0.0.1:]] .. PROXY_PORT .. [[", timeout_ms: %d }
        blast_radius: { good_ratio: 1, route_ratio: 1 }
        budget: { per_minute: 100 }
        policies:
          - id: all
            min_confidence: 0.3
            min_severity: low
            steps: [{ action: restrict_route, methods: [GET, POST], ttl_s: 600, verify_after_s: 600 }]
]]


describe(gateway.describe_name("the Admin API"), function()
  local gw, proxy

  -- A gateway whose agent waits so long for the Admin API.
  local function start(timeout_ms)
    gw = gateway.start({ config = CONFIG:format(timeout_ms), trusted_ips = "127.0.0.1" })
    proxy = faults.start(gw, PROXY_PORT, "pass")
  end


  local function stop()
    proxy:stop()
    gw:stop()
  end


  local clients = 0

  -- A new incident on a route, by a new client.
  local function attack(route)
    clients = clients + 1
    gw:stuff(route, "192.0.2." .. clients)
  end


  local function action(route)
    for _, record in ipairs(gw:agent("GET", "/actions").json.data) do
      if record.place.route_name == route then
        return record
      end
    end
  end


  local function in_state(route, state, within_s)
    return eventually(function()
      local record = action(route)
      return record and record.state == state and record
    end, within_s or 30)
  end


  describe("that fails:", function()
    setup(function() start(500) end)
    teardown(stop)


    it("may be away, slow, cut short or overloaded: the write is made when it is back", function()
      proxy:mode("close")
      attack("passing")
      -- It cannot even be planned without what stands there now.
      eventually(function() return #gw:error_log("not planned: could not reach the Admin API") > 0 end)
      for _, fault in ipairs({ "slow", "cut", "500", "429" }) do
        proxy:mode(fault)
        assert.equal(200, gw:http({ path = "/passing/products" }).status)
      end

      proxy:mode("pass")
      in_state("passing", "active")
      assert.same({ "GET", "POST" }, gw:admin("GET", "/routes/passing").json.methods)
    end)


    -- A rotated token, an ingress that knows no such path, an answer that is lost: what stands is not left behind.
    for _, fault in ipairs(BACK) do
      it("may fail when an action is to be taken back (" .. fault .. "): that is tried until it is done", function()
        local route = "back_" .. fault:gsub(":", "_")
        attack(route)
        local record = in_state(route, "active")
        proxy:mode(fault)
        gw:agent("POST", "/actions/" .. record.id .. "/revert")
        if fault ~= "writes:cut" then
          eventually(function() return (action(route).tries or 0) >= 2 end, 20)
          assert.equal("reverting", action(route).state)
          assert.equal(1, gw:agent("GET", "/status").json.actions.queued)
          assert.equal(200, gw:http({ path = "/" .. route .. "/products" }).status)
          proxy:mode("pass")
        end
        in_state(route, "reverted")
        proxy:mode("pass")
        assert.not_equal("table", type(gw:admin("GET", "/routes/" .. route).json.methods))
      end)
    end


    it("may refuse the credential: that is said, and nothing is tried for ever", function()
      proxy:mode("401")
      attack("refused")
      eventually(function() return #gw:error_log("not planned: the Admin API answered 401") > 0 end)
      proxy:mode("pass")
      in_state("refused", "active")
    end)


    -- What can be planned, and then not written.
    local function fails_to_write(fault, within_s)
      local route = "write_" .. fault
      proxy:mode("writes:" .. fault)
      attack(route)
      eventually(function()
        local record = action(route)
        return record and record.state == "applying" and (record.tries or 0) >= 2
      end, 30)
      local status = gw:agent("GET", "/status").json.actions
      assert.equal(1, status.queued)
      assert.matches("Admin API", status.queued_because)
      assert.equal(200, gw:http({ path = "/" .. route .. "/products" }).status)

      proxy:mode("pass")
      in_state(route, "active", within_s)
      assert.same({ "GET", "POST" }, gw:admin("GET", "/routes/" .. route).json.methods)
    end


    -- The writes that the ledger's lines of an event have for a route: method, path and status.
    local function writes_in_ledger(route, event)
      local found = {}
      for _, line in ipairs(gw:log_lines("threat-agent/ledger.jsonl")) do
        local entry = line.entry
        local is_meant = entry.event == event and entry.action.place and entry.action.place.route_name == route
        for _, call in ipairs(is_meant and entry.calls or {}) do
          if call.method ~= "GET" then
            found[#found + 1] = call.method .. " " .. call.path .. " " .. tostring(call.status)
          end
        end
      end

      return found
    end


    for _, fault in ipairs({ "close", "429", "500" }) do
      it("may fail when it is written to (" .. fault .. "): it is tried until it is there, once, and the ledger says so", function()
        fails_to_write(fault)
        local route = "write_" .. fault
        local is_whole = not gateway.has_database
        local write = is_whole and "POST /config"
                      or "PATCH /routes/" .. gw:admin("GET", "/routes/" .. route).json.id
        assert.equal(write .. " " .. tostring(tonumber(fault)), writes_in_ledger(route, "waits")[1])
        assert.same({ write .. (is_whole and " 201" or " 200") }, writes_in_ledger(route, "active"))
      end)
    end


    it("may be cut off in the middle of its answer: what it did is seen, and not done again", function()
      proxy:mode("writes:cut")
      attack("write_cut")
      in_state("write_cut", "active")
      assert.same({ "GET", "POST" }, gw:admin("GET", "/routes/write_cut").json.methods)
      assert.is_true(#gw:error_log("has to wait") > 0)
      proxy:mode("pass")
    end)


    for _, fault in ipairs({ "401", "409" }) do
      it("may refuse a write (" .. fault .. "): that is told, and nothing is left", function()
        local route = "write_" .. fault
        proxy:mode("writes:" .. fault)
        attack(route)
        assert.matches("answered " .. fault, in_state(route, "failed").why)
        proxy:mode("pass")
        assert.not_equal("table", type(gw:admin("GET", "/routes/" .. route).json.methods))
        assert.equal(200, gw:http({ path = "/" .. route .. "/products" }).status)
      end)
    end


    it("may not answer in time when it is written to: it is tried until it is there, once", function()
      -- A whole configuration that was sent so may land for a minute, over any that came after it.
      fails_to_write("slow", not gateway.has_database and 130 or nil)
    end)
  end)


  describe("that is waited for:", function()
    setup(function() start(6000) end)
    teardown(stop)


    local function leaders()
      local pids = {}
      for i, line in ipairs(gw:error_log("leads this node")) do
        pids[i] = line:match("%] (%d+)#")
      end

      return pids
    end


    it("its leader waits for longer than the lease lasts, and goes on leading", function()
      eventually(function() return #leaders() == 1 end)
      proxy:mode("writes:late")
      attack("waited_for")
      in_state("waited_for", "active")
      assert.equal(1, #leaders())
    end)


    it("a leader that stood still writes nothing down once another leads, and the other goes on", function()
      local leader = leaders()[1]
      attack("passed_on")
      in_state("passed_on", "applying")
      gateway.run("kill -STOP " .. leader)
      eventually(function() return #leaders() == 2 end, 20)
      gateway.run("kill -CONT " .. leader)
      proxy:mode("pass")
      in_state("passed_on", "active")
      assert.not_equal(leader, leaders()[2])
      eventually(function() return #gw:error_log("another worker leads this node by now") > 0 end)
      assert.same({ "GET", "POST" }, gw:admin("GET", "/routes/passed_on").json.methods)
    end)
  end)
end)
