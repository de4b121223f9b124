-- What `access` answers to a verdict.


local MODULE = "kong.plugins.threat-agent."


describe("a verdict is answered", function()
  local response, answered
  local former_kong, former_ngx

  before_each(function()
    former_kong, former_ngx, answered = _G.kong, _G.ngx, {}
    _G.kong = {
      response = { exit = function(status) answered[#answered + 1] = status end },
      service = { request = {
        set_header = function(name) answered[#answered + 1] = name end,
        clear_header = function() end,
      } },
    }
    _G.ngx = { req = { get_headers = function() return {} end } }
    package.loaded[MODULE .. "native"] = { CLEAN = {} }
    response = dofile("lua/kong/plugins/threat-agent/response.lua")
    package.loaded[MODULE .. "native"] = nil
  end)

  after_each(function()
    _G.kong, _G.ngx = former_kong, former_ngx
  end)


  local TAGGED = { "X-Threat-Agent-Verdict", "X-Threat-Agent-Incident" }

  -- A tag; failed: whether a later look at the request did.
  local function tag(failed)
    return { action = "tag", refuses = false, category = "abuse", score = 0.5, incident = "1", failed = failed }
  end

  for _, case in ipairs({
    { "by 503 where nothing was seen and that is chosen", "enforce", "closed", false, { 503 } },
    { "by 503 where not all was seen and that is chosen", "enforce", "closed", tag(true), { 503 } },
    { "as it is where all was seen", "enforce", "closed", tag(), TAGGED },
    { "as it is where not all was seen", "enforce", "open", tag(true), TAGGED },
    { "by nothing where nothing was seen", "enforce", "open", false, {} },
    { "by nothing in monitor mode", "monitor", "closed", tag(true), {} },
  }) do
    it(case[1], function()
      response.apply({ mode = case[2], failure_mode = case[3] }, case[4])
      assert.same(case[5], answered)
    end)
  end
end)
