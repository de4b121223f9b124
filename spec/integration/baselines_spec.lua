-- What is normal, live: shown with the limits that it suggests, told once when it has changed for good, and held
-- against what comes. A file as a week of traffic leaves it stands for the week.


local cjson = require "cjson.safe"
local gateway = require "spec.support.gateway"
local plugin = require "spec.support.plugin"
local receivers = require "spec.support.receivers"


local eventually = gateway.eventually


local DAY_S = 86400

local CONFIG = [[
_format_version: "3.0"
services:
  - name: shop
    url: http://127.0.0.1:${DEMO_PORT}
    routes:
      - { name: shop, paths: ["/"], strip_path: false }
plugins:
  - name: threat-agent
    config:
      mode: enforce
      notifications:
        min_severity: low
        channels: [ { type: webhook, url: "http://127.0.0.1:SINK/hook" } ]
]]


describe(gateway.describe_name("baselines:"), function()
  local gw, sink, learned_path

  local function send(n, method)
    return gw:http({ path = "/products", method = method, client = "192.0.2." .. n })
  end


  local function events(kind)
    local found = {}
    for _, got in ipairs(sink:received()) do
      local event = cjson.decode(got.body)
      found[#found + 1] = event and event.event == kind and event or nil
    end

    return found
  end


  local function learned()
    local saved = cjson.decode(gateway.read_file(learned_path))
    for _, place in ipairs(saved and saved.places or {}) do
      if place.route ~= "" and place.service ~= "(consumers)" then
        return saved, place
      end
    end
  end


  -- A week of 20 requests/s, all GET, and a day of 60 that ended at midnight.
  local function a_week_passes()
    local saved, place = learned()
    local baseline = place.baseline
    baseline.seconds, baseline.mix_seconds = 3600, 3600
    baseline.rate = { mean = 20, variance = 20, updates = 600 }
    for i in ipairs(baseline.methods) do
      baseline.methods[i] = { hits = 0, total = 10000 }
    end

    local drifts = baseline.drifts
    drifts.told = nil
    drifts.day, drifts.seconds = math.floor(os.time() / DAY_S) - 1, DAY_S
    drifts.tracks[1] = { reference = { 20, 20, 20, 20, 20, 20, 20 }, sum = 60000, count = 1000, up = 1, down = 0 }
    gateway.write_file(learned_path, cjson.encode(saved))
  end


  setup(function()
    sink = receivers.http()
    gw = gateway.start({ config = (CONFIG:gsub("SINK", sink.port)), trusted_ips = "127.0.0.1" })
    learned_path = gw.prefix .. "/threat-agent/learned.json"
    eventually(function()
      send(1)
      return learned()
    end, 40)
    gw:restart(a_week_passes)
    send(1)
  end)

  teardown(function()
    gw:stop()
    sink:stop()
  end)


  it("what changed for good is told: by channels, in the log, as a metric and in the status", function()
    local event = eventually(function() return events("drift")[1] end, 30)
    assert.equal("low", event.severity)
    assert.equal("Normal has changed: route shop: requests per second changed for good, from 20 to 60", event.summary)
    assert.equal(1, event.drifts.count)
    assert.equal("rate", event.drifts.data[1].metric)
    eventually(function() return #gw:error_log("requests per second changed for good, from 20 to 60") == 1 end)

    eventually(function()
      return gw:admin("GET", "/threat-agent/metrics").body:find('threat_agent_baseline_drifts{metric="rate"} 1', 1, true)
    end, 30)
    -- Each worker reads the leader's file anew now and then, and any of them may answer.
    eventually(function() return gw:admin("GET", "/threat-agent/status").json.baselines.drifts == 1 end, 30)
  end)


  it("baselines are listed with what changed, and by the command line", function()
    local function of_shop()
      for _, place in ipairs(gw:admin("GET", "/threat-agent/baselines").json.data) do
        if place.usual.drifts then
          return place
        end
      end
    end
    local place = eventually(of_shop, 30)
    assert.equal(20, place.usual.drifts[1].from)
    assert.is_true(place.usual.is_mature)
    eventually(function() return gw:admin("GET", "/threat-agent/baselines?route=" .. place.route).json.total == 1 end, 30)
    assert.equal(0, gw:admin("GET", "/threat-agent/baselines?route=none").json.total)
    assert.equal(400, gw:admin("GET", "/threat-agent/baselines?size=0").status)

    local told = plugin.cli("baselines export --limits " .. learned_path)
    assert.truthy(told:find("requests per second from 20.000 to 60.000", 1, true), told)
  end)


  it("a method that was never used is an incident; the change before is not told again by the next leader", function()
    local before = #gw:error_log("leads this node")
    for _, pid in ipairs(gw:worker_pids()) do
      gateway.run("kill -9 " .. pid)
    end
    eventually(function() return #gw:error_log("leads this node") > before end, 15)

    -- At its usual pace, 20 requests/s: a flood would be refused before its methods count.
    local opened = eventually(function()
      send(77, "DELETE")
      for _, event in ipairs(events("opened")) do
        if event.incident.category == "abuse" then
          return event
        end
      end
      return nil, gw:admin("GET", "/threat-agent/incidents").body
    end, 60)
    assert.equal("DELETE on route shop, where it is hardly ever used", opened.incident.title)
    assert.truthy(opened.incident.reasons[1]:find("usual 0.0 %", 1, true), opened.incident.reasons[1])
    eventually(function()
      local list = gw:admin("GET", "/threat-agent/incidents?category=abuse").json.data
      return list[1].top_clients[1] and list[1].top_clients[1].client == "192.0.2.77"
    end)
    assert.equal(1, #events("drift"))
  end)
end)
