-- What is asked for by hand, up to the command that the leader gets.


local MODULE = "kong.plugins.threat-agent."
local FOLDER = "lua/kong/plugins/threat-agent/"


describe("by hand", function()
  local former, sent, loaded, bans, actions, written, is_writable, is_full

  local function stub(name, module)
    former[name], package.loaded[MODULE .. name] = package.loaded[MODULE .. name] or false, module
  end

  before_each(function()
    former, sent, loaded = { kong = _G.kong or false }, {}, true
    written, is_writable, is_full = {}, true, false
    _G.kong = { default_workspace = "main", db = {} }
    stub("library", { load = function() return loaded or nil, not loaded and "install the rock" or nil end })
    stub("region", { is_within = function(text) return text:find("^%d+%.%d+%.%d+%.%d+$") ~= nil end })
    stub("senders", { BANS = { always = "refuse", signal = "refuse_on_signal" } })
    stub("entities", { ID = "id" })
    stub("redact", { text = function(text) return text end })
    stub("action_list", {})
    stub("deck", {})
    stub("files", { KILL = "kill", save = function(name, text)
      written[name] = text
      return is_writable
    end })
    stub("vocabulary", {})
    stub("settings", { look_up = function() return {} end })
    stub("commands", { send = function(command)
      sent[#sent + 1] = command
      return not is_full or nil, is_full and "too many" or nil
    end })
    stub("views.whom", dofile(FOLDER .. "views/whom.lua"))
    actions = dofile(FOLDER .. "views/actions.lua")
    stub("views.actions", actions)
    bans = dofile(FOLDER .. "views/bans.lua")
  end)

  after_each(function()
    _G.kong, former.kong = former.kong or nil, nil
    for name, module in pairs(former) do
      package.loaded[MODULE .. name] = module or nil
    end
  end)


  local function ban(body)
    local status, answer = bans.ban({ body = body, by = "ann" })
    return status, answer.message
  end


  it("a ban may come as JSON or as a form, whose fields are texts", function()
    assert.equal(202, (ban({ client = "203.0.113.1", ttl_s = 60 })))
    assert.equal(202, (ban({ client = "203.0.113.1", ttl_s = "60" })))
    assert.equal(60, sent[1].ttl_s)
    assert.equal(60, sent[2].ttl_s)

    for _, ttl_s in ipairs({ "10m", "0", 1.5, "1e9", {}, true }) do
      local status, message = ban({ client = "203.0.113.1", ttl_s = ttl_s })
      assert.equal(400, status)
      assert.matches("whole seconds", message)
    end
  end)


  it("a ban that is to be narrower than it would be is refused", function()
    for _, field in ipairs({ "scope", "route", "service" }) do
      local status, message = ban({ client = "203.0.113.1", [field] = "route" })
      assert.equal(400, status)
      assert.equal(field .. ": unknown field; a ban by hand holds on the whole node", message)
    end
    assert.same({}, sent)
  end)


  it("a ban may wait for a sign of an attack", function()
    for _, when in ipairs({ "always", "signal" }) do
      assert.equal(202, (ban({ client = "203.0.113.1", when = when })))
      assert.equal(when, sent[#sent].when)
    end
    for _, when in ipairs({ "never", "", 1, true, {} }) do
      local status, message = ban({ client = "203.0.113.1", when = when })
      assert.equal(400, status)
      assert.equal("when: expected always or signal", message)
    end
  end)


  it("nothing is accepted that nobody carries out", function()
    loaded = false
    local status, answer = actions.kill({ by = "ann" })
    assert.equal(503, status)
    assert.equal("install the rock", answer.message)
    assert.same({}, sent)
  end)


  it("the kill switch is set before it is said to be, whatever becomes of the leader", function()
    assert.equal(202, (actions.kill({ by = "ann" })))
    assert.equal("ann", written.kill)
    assert.equal("kill", sent[1].command)

    is_full = true
    assert.equal(202, (actions.kill({ by = "ann" })))
    -- Where it can be neither written nor told, it is not set.
    is_writable = nil
    assert.equal(503, (actions.kill({ by = "ann" })))
    is_full = false
    assert.equal(202, (actions.kill({ by = "ann" })))
  end)


  it("the kill switch is not a team's", function()
    assert.equal(403, (actions.kill({ by = "ann", workspace = "team" })))
    assert.equal(403, (actions.unkill({ by = "ann", workspace = "team" })))
    assert.same({}, written)
    assert.same({}, sent)
    assert.equal(202, (actions.unkill({ by = "ann" })))
    assert.same({}, written)
  end)
end)
