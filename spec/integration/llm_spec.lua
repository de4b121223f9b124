-- What a language model makes of incidents: asked by the agent, shown, told, and no more than an opinion.


local cjson = require "cjson.safe"
local gateway = require "spec.support.gateway"
local receivers = require "spec.support.receivers"


local eventually = gateway.eventually
-- It came with Kong 3.6.
local with_ai_gateway = gateway.kind ~= "embedded" and not gateway.is_before(3006000)


-- Behind Kong AI Gateway where there is one.
local AI_ROUTE = [[
  - name: ai
    url: http://127.0.0.1:SINK
    routes:
      - { name: ai, paths: ["/ai"] }
    plugins:
      - name: ai-proxy
        config:
          route_type: llm/v1/chat
          auth: { header_name: Authorization, header_value: "Bearer upstream-key" }
          model:
            provider: openai
            name: small-model
            options: { upstream_url: "http://127.0.0.1:SINK/chat" }
]]

local CONFIG = [[
_format_version: "3.0"
services:
  - name: shop
    url: http://127.0.0.1:${DEMO_PORT}
    routes:
      - { name: login, paths: ["/login"], strip_path: false }
AI
plugins:
  - name: threat-agent
    config:
      mode: enforce
      response: { enabled: false }
      llm: { enabled: true, url: "URL", token: "Bearer agents-key", weight: 0.5, per_hour: 3 }
      notifications:
        min_severity: low
        update_interval_s: 10
        channels: [ { type: webhook, url: "http://127.0.0.1:SINK/hook" } ]
]]


local DOUBT = {
  category = "none", probability = 0.8,
  explanation = "Forty accounts from one address within seconds, which the operators' own test does, too.",
  recommendation = "Ask who tests today.",
}


describe(gateway.describe_name("a language model:"), function()
  local gw, sink, found

  local function incident(category)
    return gw:admin("GET", "/threat-agent/incidents?category=" .. category).json.data[1]
  end


  local function questions()
    return sink:received("/chat")
  end


  local function guess(client)
    for n = 1, 40 do
      gw:http({ path = "/login", json = { username = "user-" .. n, password = "guess" },
                headers = { ["x-forwarded-for"] = client } })
    end
  end


  setup(function()
    sink = receivers.http()
    sink:say("```json\n" .. cjson.encode(DOUBT) .. "\n```")
    local url = with_ai_gateway and "http://127.0.0.1:${PROXY_PORT}/ai" or "http://127.0.0.1:SINK/chat"
    local config = CONFIG:gsub("AI\n", with_ai_gateway and AI_ROUTE or ""):gsub("URL", (url:gsub("%%", "%%%%")))
                         :gsub("SINK", sink.port)
    gw = gateway.start({ config = config, trusted_ips = "127.0.0.1" })
    guess("203.0.113.16")
    found = eventually(function()
      local now = incident("credential_stuffing")
      return now and now.opinion and now
    end, 40)
  end)

  teardown(function()
    gw:stop()
    sink:stop()
  end)


  it("gives an opinion, which is a stage of the classification", function()
    DOUBT.model = "small-model"
    assert.same(DOUBT, found.opinion)
    assert.equal("ai", found.stage)
    local last = found.history[#found.history]
    assert.equal("ai", last.stage)
    assert.equal("none", last.category)
    assert.equal("credential_stuffing", found.category)
  end)


  it("lowers the confidence as far as it may, and nothing else", function()
    assert.is_true(found.confidence <= 0.6 + 1e-6)
    assert.is_true(found.confidence > 0)
    assert.not_equal("low", found.severity)
  end)


  it("is told what was counted, and nobody's name or address", function()
    local asked = questions()[1]
    if not with_ai_gateway then
      assert.equal("Bearer agents-key", asked.headers.authorization)
    end
    local messages = asked.json.messages
    assert.equal("system", messages[1].role)
    local evidence = cjson.decode(messages[2].content)
    assert.equal("credential_stuffing", evidence.category)
    assert.is_true(evidence.clients >= 1)
    assert.is_nil(evidence.top_clients)
    assert.is_nil(evidence.sample_references)
    assert.is_nil(asked.body:find("203.0.113.16", 1, true))
    assert.is_nil(asked.body:find("user-1", 1, true))
  end)


  it("is asked once about the same thing, and told on", function()
    local told = sink:await(function(one)
      return one.json.incident and type(one.json.incident.opinion) == "table"
    end, "/hook", 40).json
    assert.equal("none", told.incident.opinion.category)
    assert.equal(1, #questions())
  end)


  it("that fails leaves everything as it is, is tried again, and is counted", function()
    sink:fail(true)
    gw:http({ path = "/login?q=1%27%20UNION%20SELECT%20password%20FROM%20users--",
              headers = { ["x-forwarded-for"] = "203.0.113.77" } })
    for n = 1, 30 do
      gw:http({ path = "/login?id=" .. n .. "%27%20UNION%20SELECT%20password%20FROM%20users--",
                headers = { ["x-forwarded-for"] = "203.0.113.77" } })
    end
    eventually(function()
      return incident("payload_injection") and #questions() >= 2
    end, 40)
    assert.is_nil(incident("payload_injection").opinion)
    sink:fail(false)
    eventually(function()
      return incident("payload_injection").opinion
    end, 60)

    eventually(function()
      local metrics = gw:admin("GET", "/threat-agent/metrics").body
      return metrics:find('opinions_total{result="failed"} 1', 1, true)
             and metrics:find('opinions_total{result="given"} 2', 1, true)
    end)
  end)


  it("outlasts a reload", function()
    gw:reload()
    eventually(function()
      local now = incident("credential_stuffing")
      return now and now.opinion and now.opinion.category == "none"
    end, 20)
  end)
end)
