-- What `rewrite` asks: who sends a request is gathered only while a ban stands.


local MODULE = "kong.plugins.threat-agent."


describe("the early look for bans", function()
  local inspection, stands, gathered
  local BANNED = { refuses = true }
  local STUBBED = { "guard", "native", "outcome", "request" }
  local former = {}

  before_each(function()
    stands, gathered = false, 0
    local stubs = {
      guard = {
        engine = function() return "engine" end,
        call = function(f, ...) return (f(...)) end,
      },
      native = {
        STAGE = {},
        bans_stand = function() return stands end,
        check_ban = function(engine, from)
          return engine == "engine" and from == "sender" and BANNED or nil
        end,
      },
      outcome = {},
      request = {
        identity = function()
          gathered = gathered + 1
          return "sender"
        end,
      },
    }
    for _, name in ipairs(STUBBED) do
      former[name] = package.loaded[MODULE .. name]
      package.loaded[MODULE .. name] = stubs[name]
    end
    inspection = dofile("lua/kong/plugins/threat-agent/inspection.lua")
    for _, name in ipairs(STUBBED) do
      package.loaded[MODULE .. name] = former[name]
    end
  end)


  for _, case in ipairs({
    { "asks nobody in monitor mode", "monitor", true, 0, nil },
    { "gathers nothing while no ban stands", "enforce", false, 0, nil },
    { "finds who is banned", "enforce", true, 1, BANNED },
  }) do
    it(case[1], function()
      stands = case[3]
      assert.equal(case[5], inspection.early({ mode = case[2] }))
      assert.equal(case[4], gathered)
    end)
  end
end)
