-- What operators said of incidents, and how far it moves them: without a gateway, in virtual time.


require "spec.support.plugin"


local cjson = require "cjson.safe"


local now_s, file_text, version = 1000000, nil, 0

_G.ngx = _G.ngx or { null = cjson.null }
local feedback


local function stub()
  package.loaded["kong.plugins.threat-agent.files"] = {
    FEEDBACK = "feedback.json", load = function() return file_text end, save = function(_, text) file_text = text return true end,
  }
  package.loaded["kong.plugins.threat-agent.feedback"] = nil
  package.loaded["kong.plugins.threat-agent.agent.trainer"] = nil
  _G.ngx.time = function() return now_s end
  _G.ngx.shared = { kong = {
    get = function() return version end,
    incr = function() version = version + 1 return version end,
  } }
end


local function incident(id, fields)
  local made = {
    id = id, opened_s = 999000, workspace = "w", service = "s", route = "login", category = "credential_stuffing",
    severity = "high", confidence = 0.9, title = "Credential stuffing",
    reasons = { "one client failed to log in to 17 accounts within two hours (line 6)" },
  }
  for name, value in pairs(fields or {}) do
    made[name] = value
  end

  return made
end


describe("feedback", function()
  local trainer
  local before = {}

  before_each(function()
    before = { time = _G.ngx.time, shared = _G.ngx.shared, files = package.loaded["kong.plugins.threat-agent.files"] }
    now_s, file_text, version = 1000000, nil, 0
    stub()
    feedback = require "kong.plugins.threat-agent.feedback"
    trainer = require "kong.plugins.threat-agent.agent.trainer"
  end)

  after_each(function()
    _G.ngx.time, _G.ngx.shared = before.time, before.shared
    package.loaded["kong.plugins.threat-agent.files"] = before.files
    package.loaded["kong.plugins.threat-agent.feedback"] = nil
    package.loaded["kong.plugins.threat-agent.agent.trainer"] = nil
  end)


  local function judge(about, verdict, by)
    assert(trainer.take_in({
      incident = about.id, opened_s = about.opened_s, workspace = about.workspace, service = about.service,
      route = about.route, category = about.category, title = about.title, rules = feedback.rules_of(about),
      verdict = verdict, by = by or "otto",
    }))
  end


  it("leaves an incident alone that nobody judged", function()
    local one = incident("A")
    assert.equal(one, feedback.weigh(one))
  end)

  it("names evidence without numbers and names", function()
    local CASES = {
      { "one client failed to log in to 6 accounts within two hours (line 6)",
        "one client failed to log in to N accounts within two hours" },
      { "12.5 % of responses in 10s are 5xx, 0.1 % are usual", "N % of responses in Ns are Nxx, N % are usual" },
      { "began within 3s after a change of route/3f0e1b1e-1111-2222-3333-444455556666 paths", "began within Ns after a change" },
    }
    for _, case in ipairs(CASES) do
      assert.same({ case[2] }, feedback.rules_of({ reasons = { case[1] } }))
    end
  end)

  it("lowers the confidence of its like at the same place only, and never below a half", function()
    local judged = incident("A")
    judge(judged, "false_alarm")
    local like = incident("B", { reasons = { "one client failed to log in to 99 accounts within two hours (line 6)" } })
    assert.equal(0.675, feedback.weigh(like).confidence)
    assert.equal(0.9, like.confidence)
    assert.equal("high", feedback.weigh(like).severity)

    for _, other in ipairs({
      incident("C", { route = "shop" }), incident("D", { category = "abuse" }), incident("E", { workspace = "v" }),
      incident("F", { reasons = { "one client failed to authenticate 50 times (line 10 in 60s)" } }),
    }) do
      assert.equal(0.9, feedback.weigh(other).confidence)
    end

    for n = 1, 50 do
      judge(incident("X" .. n), "false_alarm")
    end
    assert.equal(0.45, feedback.weigh(like).confidence)
    assert.equal("medium", feedback.weigh(like).severity)
    assert.equal("critical", feedback.weigh(incident("G", { severity = "critical" })).severity)
  end)

  it("counts one judgement an incident, the last one", function()
    local judged = incident("A")
    for _ = 1, 5 do
      judge(judged, "false_alarm")
    end
    assert.equal(0.675, feedback.weigh(incident("B")).confidence)
    judge(judged, "attack", "vera")
    assert.equal(0.9, feedback.weigh(incident("B")).confidence)
    assert.same({ verdict = "attack", by = "vera", at_s = now_s }, feedback.weigh(judged).feedback)
    -- A number that comes again after a restart is another incident.
    assert.is_nil(feedback.weigh(incident("A", { opened_s = 999900 })).feedback)
  end)

  it("trusts an incident by the evidence that is doubted least", function()
    judge(incident("A"), "false_alarm")
    local both = incident("B", { reasons = { incident("A").reasons[1], "a login succeeded from a client" } })
    assert.equal(0.9, feedback.weigh(both).confidence)
  end)

  it("is forgotten after 30 days, and bounded", function()
    judge(incident("A"), "false_alarm")
    now_s = now_s + feedback.EXPIRES_S + 1
    assert.equal(0.9, feedback.weigh(incident("B")).confidence)
    for n = 1, feedback.MOST + 10 do
      judge(incident("X" .. n), "attack")
    end
    assert.equal(feedback.MOST, #cjson.decode(file_text))
  end)

  it("is summed up as precision by category and by evidence", function()
    judge(incident("A"), "attack")
    judge(incident("B"), "attack")
    judge(incident("C"), "false_alarm")
    judge(incident("D", { category = "abuse", workspace = "v", reasons = { "one client asked for 40 paths" } }), "false_alarm")
    local found = feedback.precision()
    assert.same({ name = "credential_stuffing", confirmed = 2, false_alarms = 1, precision = 2 / 3 }, found.categories[1])
    assert.same({ name = "abuse", confirmed = 0, false_alarms = 1, precision = 0 }, found.categories[2])
    assert.equal("one client failed to log in to N accounts within two hours", found.rules[1].name)
    assert.equal(1, #feedback.precision("v").categories)
  end)
end)
