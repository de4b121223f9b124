-- What is read from a language model's answer, and what an opinion does to an incident.


require "spec.support.plugin"


local cjson = require "cjson.safe"


_G.ngx = { null = cjson.null, time = function() return 7 end }


local function answer(content)
  return cjson.encode({ model = "m", choices = { { message = { role = "assistant", content = content } } } })
end


local OPINION = { category = "abuse", probability = 0.8, explanation = "Ids in order.", recommendation = "Look at the client." }


describe("a language model's answer", function()
  local llm

  setup(function()
    package.loaded["resty.http"] = package.loaded["resty.http"] or {}
    llm = require "kong.plugins.threat-agent.llm"
  end)


  local function with(changes)
    local copy = {}
    for name, value in pairs(OPINION) do
      copy[name] = value
    end
    for name, value in pairs(changes) do
      copy[name] = value
    end
    return answer(cjson.encode(copy))
  end


  local GOOD = {
    { "alone", answer(cjson.encode(OPINION)) },
    { "in a code block", answer("```json\n" .. cjson.encode(OPINION) .. "\n```") },
    { "in prose", answer("Here it is: " .. cjson.encode(OPINION) .. " I hope that helps.") },
  }
  for _, case in ipairs(GOOD) do
    it("is read " .. case[1], function()
      local opinion = assert(llm.read(case[2]))
      assert.same({ category = "abuse", probability = 0.8, explanation = "Ids in order.",
                    recommendation = "Look at the client.", model = "m" }, opinion)
    end)
  end


  it("may be that there is no attack", function()
    assert.equal("none", llm.read(with({ category = "none" })).category)
  end)


  it("is cut to one line of a bounded length", function()
    local opinion = llm.read(with({ explanation = "a\nb\27[31m" .. ("c"):rep(2000), recommendation = {} }))
    assert.matches("^a b %[31mccc", opinion.explanation)
    assert.is_true(#opinion.explanation <= 600)
    assert.equal("", opinion.recommendation)
  end)


  local BAD = {
    { "no JSON", "<html>" },
    { "no completion", "{}" },
    { "choices of another kind", '{"choices":"x"}' },
    { "an empty choice", '{"choices":[1]}' },
    { "no object", answer("I cannot say.") },
    { "broken JSON", answer('{"category": "abuse", ') },
    { "a category that is none", with({ category = "everything" }) },
    { "a probability above 1", with({ probability = 1.5 }) },
    { "a probability in words", with({ probability = "high" }) },
    { "a list", answer("[1,2]") },
    { "too long", answer(("x"):rep(70000)) },
  }
  for _, case in ipairs(BAD) do
    it("is refused: " .. case[1], function()
      local opinion, err = llm.read(case[2])
      assert.is_nil(opinion)
      assert.is_string(err)
    end)
  end
end)


describe("an opinion", function()
  local opinions
  local kept, version

  local INCIDENT = {
    id = "i", opened_s = 1, category = "abuse", severity = "high", stage = "delayed", confidence = 0.8,
    history = { { wall_s = 1, stage = "delayed", category = "abuse", score = 0.9 } },
  }

  setup(function()
    _G.ngx.shared = { kong = {
      get = function() return version end,
      incr = function() version = version + 1 end,
    } }
    package.loaded["kong.plugins.threat-agent.files"] = {
      OPINIONS = "opinions",
      load = function() return kept end,
      save = function(_, text)
        kept = text
        return true
      end,
    }
    package.loaded["kong.plugins.threat-agent.opinions"] = nil
  end)

  teardown(function()
    package.loaded["kong.plugins.threat-agent.files"] = nil
    package.loaded["kong.plugins.threat-agent.opinions"] = nil
  end)

  before_each(function()
    kept, version = nil, 0
    package.loaded["kong.plugins.threat-agent.opinions"] = nil
    opinions = require "kong.plugins.threat-agent.opinions"
  end)


  local CASES = {
    -- category, probability, weight, confidence
    { "abuse", 1, 0.5, 0.8 },
    { "abuse", 0.5, 0.5, 0.6 },
    { "none", 1, 0.5, 0.4 },
    { "none", 1, 0, 0.8 },
    { "mass_error", 1, 0.5, 0.8 },
  }
  for _, case in ipairs(CASES) do
    it(("of %s, %g, at a weight of %g leaves a confidence of %g"):format(unpack(case)), function()
      opinions.keep(INCIDENT, { category = case[1], probability = case[2] }, case[3])
      local judged = opinions.add(INCIDENT)
      assert.is_true(math.abs(judged.confidence - case[4]) < 1e-9)
      assert.same({ wall_s = 7, stage = "ai", category = case[1], score = case[2] }, judged.history[2])
      assert.equal("ai", judged.stage)
      assert.equal(0.8, INCIDENT.confidence)
      assert.equal(1, #INCIDENT.history)
    end)
  end


  it("is of one incident, not of another with its number", function()
    opinions.keep(INCIDENT, OPINION, 0)
    local other = { id = "i", opened_s = 2 }
    assert.equal(other, opinions.add(other))
    assert.is_nil(opinions.of(other))
    assert.equal("high", opinions.of(INCIDENT).of_severity)
  end)


  it("gives way to the next one", function()
    opinions.keep(INCIDENT, OPINION, 0)
    opinions.keep(INCIDENT, { category = "none", probability = 0.9 }, 0)
    assert.equal("none", opinions.of(INCIDENT).opinion.category)
    assert.equal(1, #cjson.decode(kept))
  end)
end)
