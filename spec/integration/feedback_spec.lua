-- What operators say of incidents: kept, shown, told, and learned from.


local cjson = require "cjson.safe"
local gateway = require "spec.support.gateway"
local receivers = require "spec.support.receivers"


local eventually = gateway.eventually


local CONFIG = [[
_format_version: "3.0"
services:
  - name: shop
    url: http://127.0.0.1:${DEMO_PORT}
    routes:
      - { name: shop, paths: ["/"], strip_path: false }
      - { name: login, paths: ["/login"], strip_path: false }
plugins:
  - name: threat-agent
    config:
      mode: enforce
      response: { protected: { cidrs: [] } }
      notifications:
        dashboard_url: https://gateway.test/threat-agent
        min_severity: low
        channels: [ { type: webhook, url: "http://127.0.0.1:SINK/hook" } ]
]]


describe(gateway.describe_name("feedback:"), function()
  local gw, sink, found

  local function incident()
    return gw:admin("GET", "/threat-agent/incidents?category=credential_stuffing").json.data[1]
  end


  local function say(id, body)
    return gw:admin("POST", "/threat-agent/incidents/" .. id .. "/feedback", body)
  end


  -- What the client of the incident is answered.
  local function answer(path)
    return gw:http({ path = path, client = "203.0.113.16" }).status
  end


  local function actions()
    return gw:admin("GET", "/threat-agent/actions?incident=" .. found.id).json.data
  end


  setup(function()
    sink = receivers.http()
    gw = gateway.start({ config = (CONFIG:gsub("SINK", sink.port)), trusted_ips = "127.0.0.1" })
    for n = 1, 40 do
      gw:http({ path = "/login", json = { username = "user-" .. n, password = "guess" },
                headers = { ["x-forwarded-for"] = "203.0.113.16" } })
    end
    found = eventually(incident, 20)
    eventually(function() return actions()[1] and actions()[1].state == "active" end, 20)
  end)

  teardown(function()
    gw:stop()
    sink:stop()
  end)


  local BAD = {
    { "no verdict", {}, 400 },
    { "a verdict that is none", { verdict = "maybe" }, 400 },
    { "a note that is none", { verdict = "attack", note = { 1 } }, 400 },
    { "a note that is too long", { verdict = "attack", note = ("x"):rep(513) }, 400 },
  }
  for _, case in ipairs(BAD) do
    it("refused: " .. case[1], function()
      assert.equal(case[3], say(found.id, case[2]).status)
    end)
  end

  it("on an incident that nobody knows is refused", function()
    assert.equal(404, say("0000000000", { verdict = "attack" }).status)
  end)


  it("that confirms is shown, counted, and in the ledger", function()
    assert.equal(202, say(found.id, { verdict = "attack", note = "seen before, password=hunter2" }).status)
    local judged = eventually(function() return incident().feedback and incident() end)
    assert.equal("attack", judged.feedback.verdict)
    assert.equal("127.0.0.1", judged.feedback.by)
    assert.equal("seen before, password=[redacted]", judged.feedback.note)
    assert.equal(found.confidence, judged.confidence)
    assert.equal("active", actions()[1].state)

    local precision = gw:admin("GET", "/threat-agent/precision").json
    assert.same({ name = "credential_stuffing", confirmed = 1, false_alarms = 0, precision = 1 }, precision.categories[1])
    assert.matches("failed to log in to N accounts", precision.rules[1].name, 1, true)
    assert.matches('"action":"feedback"', gateway.read_file(gw.prefix .. "/threat-agent/ledger.jsonl"), 1, true)
  end)


  it("that it is a false alarm takes back what was done, and lowers the confidence of its like", function()
    assert.equal(202, say(found.id, { verdict = "false_alarm", note = "our load test" }).status)
    local judged = eventually(function()
      local now = incident()
      return now.feedback.verdict == "false_alarm" and now
    end)
    assert.same({ trust = 0.75, confirmed = 0, false_alarms = 1 }, judged.learned)
    assert.is_true(judged.confidence < found.confidence)
    eventually(function() return actions()[1].state == "reverted" end)
    assert.matches("calls it a false alarm", actions()[1].why, 1, true)
    eventually(function() return answer("/products") == 200 end)
    -- Nor is it suspected any more where it was.
    assert.equal(404, answer("/login/help"))

    local kept = cjson.decode(gateway.read_file(gw.prefix .. "/threat-agent/feedback.json"))
    assert.equal(1, #kept)
    assert.equal("our load test", kept[1].note)
    assert.is_nil(gateway.read_file(gw.prefix .. "/threat-agent/feedback.json"):find("203.0.113.16", 1, true))
  end)


  it("is a link away in messages, and following it does nothing", function()
    local message = sink:await(function(one) return one.json.event == "opened" end, "/hook").json
    assert.equal("https://gateway.test/threat-agent#feedback/" .. found.id, message.links.feedback)
  end)


  it("outlasts a reload", function()
    gw:reload()
    eventually(function()
      local now = incident()
      return now and now.feedback and now.feedback.verdict == "false_alarm"
    end, 20)
  end)
end)
