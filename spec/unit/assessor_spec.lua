-- When a language model is asked about an incident, on a clock of the spec's and a model that is a function.


local MODULE = "kong.plugins.threat-agent."
local FOLDER = "lua/kong/plugins/threat-agent/"


describe("a language model", function()
  local assessor, now, asked, answer
  local former_kong, former_ngx = _G.kong, {}
  local CONF = { mode = "enforce", llm = { enabled = true, min_severity = "low", categories = {}, per_hour = 10, weight = 1 } }

  before_each(function()
    _G.ngx = _G.ngx or {}
    former_ngx = { time = _G.ngx.time, timer = _G.ngx.timer }
    now, asked, answer = 10000, {}, { nil, "away", true }
    _G.ngx.time = function() return now end
    _G.ngx.timer = { at = function(_, work)
      work(false)
      return true
    end }
    _G.kong = { log = { notice = function() end, warn = function() end } }
    local stubs = {
      elapsed = dofile(FOLDER .. "elapsed.lua"),
      vocabulary = dofile(FOLDER .. "vocabulary.lua"),
      baselines = { of = function() end },
      opinions = { of = function() end, keep = function() return true end },
      tally = { add = function() end },
      ["agent.discretion"] = function(event) return event end,
      ["agent.events"] = { of_incident = function(_, incident) return { incident = { id = incident.id } } end },
      llm = { ask = function(_, told)
        asked[#asked + 1] = told.id
        return unpack(answer, 1, 3)
      end },
    }
    for name, stub in pairs(stubs) do
      package.loaded[MODULE .. name] = stub
    end
    assessor = dofile(FOLDER .. "agent/assessor.lua")
    for name in pairs(stubs) do
      package.loaded[MODULE .. name] = nil
    end
    assessor.take_in({ id = "I", severity = "high", category = "abuse", opened_s = now })
  end)

  after_each(function()
    _G.kong, _G.ngx.time, _G.ngx.timer = former_kong, former_ngx.time, former_ngx.timer
  end)


  -- Lets seconds go by, and tells how often it was asked by then.
  local function pass(seconds)
    now = now + seconds
    assessor.beat(CONF, now)
    return #asked
  end


  it("is asked once an incident shows what it is, and again after pauses that grow", function()
    assert.same({ 0, 1, 1, 2, 2, 3 }, { pass(4), pass(1), pass(14), pass(1), pass(29), pass(1) })
    assert.equal(3, pass(3600))
  end)


  it("is asked as before where the clock was set back", function()
    assert.same({ 1, 1, 2 }, { pass(-3600), pass(14), pass(1) })
    assert.equal(3, pass(-3600))
  end)
end)
