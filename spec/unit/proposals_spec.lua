-- From due steps to records, on gates and plans that are tables.


local MODULE = "kong.plugins.threat-agent."


describe("a due step", function()
  local proposals, records, refusal, suspects, now, conf, ledger, wanted, said, full, remote, planned
  local former_kong, former_time = _G.kong, _G.ngx and _G.ngx.time

  local INCIDENT = { id = "i", category = "abuse", title = "t", workspace = "w", route = "r", service = "s" }
  local STEP = { action = "ban", ttl_s = 600 }
  local POLICY = { id = "p", steps = { STEP } }


  before_each(function()
    records, refusal, suspects, now, ledger = {}, nil, { "a" }, 1000, {}
    wanted, said, full, remote, planned = true, 0, false, false, 0
    conf = { mode = "enforce" }
    _G.ngx = _G.ngx or {}
    _G.ngx.time = function() return now end
    _G.kong = { log = { notice = function() said = said + 1 end } }
    local function move(record, state, _, why)
      if full then
        return
      end
      record.state, record.why, records[record.id] = state, why, record
      ledger[#ledger + 1] = record.id .. " " .. state
    end
    local stubs = {
      actions = {
        follows = function(name) return name == "ban" end,
        plan = function(record, _, _, _, known)
          planned = planned + 1
          record.clients, record.changes = {}, {}
          for _, client in ipairs(suspects) do
            table.insert(not known[client] and record.clients or {}, client)
          end
          return #record.clients > 0 or nil, "nobody"
        end,
      },
      ["agent.carrier"] = { is_delegated = function() return false end, is_remote = function() return remote end },
      effect = { measure = function() return {} end },
      traffic_of_named = { named = function() end },
      ["agent.gate"] = { check = function()
        return not refusal or nil, refusal
      end },
      ["agent.journal"] = { get = function(id) return records[id] end },
      ["agent.life"] = {
        move = move,
        pause = function(record) record.next_try_s = now + 1 end,
        is_paused = function(record, at) return record.next_try_s ~= nil and at < record.next_try_s end,
        hold_back = function(record, _, why)
          record.may_pass, record.next_try_s = true, now + 1
          move(record, "refused", nil, why)
        end,
        carry_out = function(record)
          record.applied_s = now
          move(record, "active")
        end,
      },
      ["agent.planner"] = { id_of = function(incident, policy, number)
        return incident.id .. "-" .. policy.id .. "-" .. number
      end },
    }
    for name, stub in pairs(stubs) do
      package.loaded[MODULE .. name] = stub
    end
    proposals = dofile("lua/kong/plugins/threat-agent/agent/proposals.lua")
    for name in pairs(stubs) do
      package.loaded[MODULE .. name] = nil
    end
  end)

  after_each(function()
    _G.kong, _G.ngx.time = former_kong, former_time
  end)


  local function propose(step)
    proposals.propose(INCIDENT, POLICY, 1, step or STEP, conf, function() return wanted end)
  end


  it("that cannot be planned yet says so once, as long as its incident is open", function()
    suspects = {}
    propose()
    propose()
    assert.equal(1, said)
    proposals.forget("another")
    propose()
    assert.equal(1, said)
    proposals.forget("i")
    propose()
    assert.equal(2, said)
  end)


  it("that is no longer wanted once it is planned is not taken", function()
    wanted = false
    propose()
    assert.same({}, records)
    wanted = true
    propose()
    assert.equal("active", records["i-p-1"].state)
  end)


  it("that was refused for a moment is taken when that has passed, and the refusal is told once", function()
    refusal = "the budget is spent"
    for _ = 1, 5 do
      propose()
      now = now + 1
    end
    assert.equal("refused", records["i-p-1"].state)
    assert.equal("the budget is spent", records["i-p-1"].why)

    refusal = nil
    propose()
    assert.equal("active", records["i-p-1"].state)
    assert.is_nil(records["i-p-1"].may_pass)
    assert.same({ "i-p-1 refused", "i-p-1 active" }, ledger)
  end)


  for where, is_remote in pairs({ ["in memory"] = false, ["by the Admin API"] = true }) do
    it("that cannot be written down is taken " .. where .. " when it can, also where it was refused before", function()
      remote, full = is_remote, true
      propose()
      propose()
      assert.same({}, records)
      assert.same({ is_remote and 1 or 2, 1 }, { planned, said })
      full, refusal, now = false, "the budget is spent", now + 1
      propose()
      full, refusal, now = true, nil, now + 1
      propose()
      assert.same({ state = "refused" }, { state = records["i-p-1"].state, applied_s = records["i-p-1"].applied_s })
      full, now = false, now + 1
      propose()
      assert.same({ "i-p-1 refused", "i-p-1 active" }, ledger)
      assert.is_nil(records["i-p-1"].may_pass)
    end)
  end


  it("that a person declined stays so", function()
    refusal = "its route is protected"
    propose()
    records["i-p-1"].may_pass = nil
    refusal, now = nil, now + 60
    propose()
    assert.same({ "i-p-1 refused" }, ledger)
  end)


  it("that was only told is taken once the mode is enforce", function()
    conf.mode = "monitor"
    propose()
    propose()
    conf.mode = "enforce"
    propose()
    assert.same({ "i-p-1 dry_run", "i-p-1 active" }, ledger)
  end)


  it("bans those who are named later, by records of their own, and nobody twice", function()
    propose()
    suspects = { "a", "b" }
    propose()
    assert.is_nil(records["i-p-1.2"])
    now = now + 10
    propose()
    propose()
    now = now + 10
    propose()
    assert.same({ "b" }, records["i-p-1.2"].clients)
    assert.same({ "i-p-1 active", "i-p-1.2 active" }, ledger)

    records["i-p-1.2"].left_out = { "c" }
    suspects = { "c" }
    propose()
    assert.is_nil(records["i-p-1.3"])
  end)


  it("bans who is named later also where the clock was set back", function()
    propose()
    suspects, now = { "a", "b" }, now - 3600
    propose()
    assert.same({ "i-p-1 active", "i-p-1.2 active" }, ledger)
  end)


  it("that was taken back bans nobody else", function()
    propose()
    records["i-p-1"].state = "reverted"
    suspects, now = { "b" }, now + 60
    propose()
    assert.same({ "i-p-1 active" }, ledger)
  end)


  it("of what does not follow whom the incident names is taken once", function()
    propose({ action = "reroute", ttl_s = 600 })
    suspects, now = { "b" }, now + 60
    propose({ action = "reroute", ttl_s = 600 })
    assert.same({ "i-p-1 active" }, ledger)
  end)
end)
