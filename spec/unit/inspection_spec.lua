-- What `rewrite` asks: who sends a request is gathered only while a ban stands. What `access` makes of several looks.


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


describe("a request that takes several looks", function()
  local inspection, looks, kept, handed, observed, long, joined
  local BODY = { bytes = "what was read from a file" }
  local STUBBED = { "guard", "native", "outcome", "request" }
  local former, former_kong, former_sleep = {}, nil, nil

  before_each(function()
    looks, kept, handed, long = {}, nil, {}, false
    former_kong, _G.ngx = _G.kong, _G.ngx or {}
    former_sleep = _G.ngx.sleep
    _G.kong = { ctx = { plugin = {} } }
    _G.ngx.sleep = function() kept = _G.kong.ctx.plugin.verdict end
    local function look(_, _, before)
      joined = before
      return table.remove(looks, 1)
    end
    local stubs = {
      guard = {
        engine = function() return "engine" end,
        call = function(f, ...) return (f(...)) end,
      },
      native = { STAGE = {}, CLEAN = {}, inspect = look, inspect_rest = look,
                 observe = function(_, _, ended) observed = ended end },
      outcome = { read = function(verdict) return verdict end },
      request = {
        expects_body = function() return long, long end,
        read_head = function() end,
        read_whole = function() kept = _G.kong.ctx.plugin.head end,
        read_late = function(after_head) handed[#handed + 1] = after_head and "body" or "late" end,
        identity = function() end,
        read_gone = function() handed[#handed + 1] = "gone" end,
        body = function() return BODY end,
        read_rest = function(_, body) handed[#handed + 1] = body end,
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

  after_each(function()
    _G.kong, _G.ngx.sleep = former_kong, former_sleep
  end)


  local TAG = { action = "tag", unfinished = "copy", attempt = 0 }
  local BLOCK = { action = "block", refuses = true, unfinished = "copy", attempt = 0 }
  local LAST = { action = "tag", attempt = 0 }

  for what, case in pairs({
    ["is looked at to its end"] = { { TAG, TAG, LAST }, LAST, TAG },
    ["is refused as soon as it is known"] = { { TAG, BLOCK, LAST }, BLOCK, TAG },
    ["is what was seen before where a later look fails"] = { { TAG }, TAG, TAG },
    ["is nothing where the first look fails"] = { {}, nil, nil },
    ["takes no more of them when the first refuses it"] = { { BLOCK, LAST }, BLOCK, nil },
  }) do
    it(what, function()
      looks = case[1]
      assert.equal(case[2], inspection.run({}))
      assert.equal(case[3], kept)
    end)
  end


  it("says where a later look fails that not all was seen", function()
    local seen = { action = "tag", unfinished = "copy" }
    looks = { seen }
    assert.is_true(inspection.run({}).failed)
    looks = { { action = "tag", unfinished = "copy" }, LAST }
    assert.is_nil(inspection.run({}).failed)
  end)


  it("is over with its end, of which the engine is told", function()
    looks = { LAST }
    assert.equal(LAST, inspection.finish({}, { action = "tag", unfinished = "copy", attempt = 0 }))
    assert.same({ "gone", LAST }, { handed[1], observed })
    looks = { LAST }
    for _, verdict in ipairs({ BLOCK, LAST, { action = "tag", unfinished = "copy", failed = true, attempt = 0 } }) do
      assert.equal(verdict, inspection.finish({}, verdict))
    end
    assert.equal(LAST, looks[1])
  end)


  it("is over with its end, however many looks its head takes", function()
    local function unfinished()
      return { action = "tag", unfinished = "copy", attempt = 0 }
    end
    looks = { unfinished(), LAST, BLOCK }
    assert.equal(LAST, inspection.finish({}, unfinished()))
    looks = {}
    assert.is_true(inspection.finish({}, unfinished()).failed)
  end)


  it("has in the verdict on its body what its head showed", function()
    long, looks = true, { TAG, LAST }
    assert.equal(LAST, inspection.run({}))
    assert.same({ TAG, TAG }, { kept, joined })
    looks = { BLOCK }
    assert.equal(BLOCK, inspection.run({ mode = "enforce" }))
  end)


  it("is one request, too, where its body does not come", function()
    for _, case in ipairs({ { "late", nil }, { "body", TAG } }) do
      looks, handed = { LAST }, {}
      _G.kong.ctx.plugin.head = case[2]
      assert.equal(LAST, inspection.finish({}, nil))
      assert.same({ case[1], case[2] }, { handed[1], joined })
    end
  end)


  it("keeps the body that was read for all of them", function()
    looks = { TAG, TAG, LAST }
    inspection.run({})
    assert.same({ BODY, BODY }, handed)
  end)
end)
