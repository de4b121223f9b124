-- The ledger's chain over crashes, and whom its lines name, in a folder of its own.


local cjson = require "cjson.safe"


local MODULE = "kong.plugins.threat-agent."
local AGENT = "lua/kong/plugins/threat-agent/agent/"


describe("the ledger", function()
  local folder, files, warned
  local former_kong, former_ngx = _G.kong, _G.ngx

  before_each(function()
    folder = os.tmpname()
    os.remove(folder)
    os.execute("mkdir -p " .. folder .. "/threat-agent")
    warned = {}
    _G.ngx = { time = function() return 1000 end, null = cjson.null, config = { prefix = function() return folder .. "/" end } }
    _G.kong = {
      node = { get_id = function() return "n" end },
      log = {
        warn = function(...) warned[#warned + 1] = table.concat({ ... }) end,
        err = function(...) error(table.concat({ ... })) end,
      },
    }
    files = dofile("lua/kong/plugins/threat-agent/files.lua")
  end)

  after_each(function()
    _G.kong, _G.ngx = former_kong, former_ngx
    os.execute("rm -rf " .. folder)
  end)


  local count = 0

  -- Any hash does for the chain's order.
  local function digest()
    count = count + 1
    return ("%064x"):format(count)
  end


  -- A leader that takes up where the last one stopped.
  local function lead()
    local stubs = {
      files = files,
      region = { digest = digest },
      ["agent.pseudonyms"] = { of = function(text) return "p" .. #text end },
      ["agent.failing"] = dofile(AGENT .. "failing.lua"),
    }
    for name, stub in pairs(stubs) do
      package.loaded[MODULE .. name] = stub
    end
    package.loaded[MODULE .. "agent.chain"] = dofile(AGENT .. "chain.lua")
    local ledger = dofile(AGENT .. "ledger.lua")
    package.loaded[MODULE .. "agent.chain"] = nil
    for name in pairs(stubs) do
      package.loaded[MODULE .. name] = nil
    end
    ledger.open()
    return ledger
  end


  -- The lines, each of which follows the one before.
  local function lines(name)
    local found, last = {}, nil
    for text in (files.load(name or files.LEDGER) or ""):gmatch("[^\n]*\n") do
      local line = assert(cjson.decode(text))
      assert.is_true(last == nil or last == line.previous)
      last = line.hash
      found[#found + 1] = line
    end
    return found
  end

  local RECORD = { id = "i-p-1", action = "ban", changes = {} }


  it("has what was asked of the Admin API for it", function()
    local ledger = lead()
    ledger.write("active", RECORD, nil, nil, { { method = "PATCH", path = "/routes/r", status = 200 } })
    ledger.write("expired", RECORD)
    assert.same({ { method = "PATCH", path = "/routes/r", status = 200 } }, lines()[1].entry.calls)
    assert.is_nil(lines()[2].entry.calls)
  end)


  it("goes on after a line that a crash has cut off", function()
    local ledger = lead()
    ledger.write("active", RECORD)
    ledger.write("expired", RECORD)
    files.save(files.LEDGER, files.load(files.LEDGER) .. '{"hash":"00ff","previous":"')
    lead().write("active", RECORD)
    assert.equal(3, #lines())
    assert.matches("27 bytes were cut off", warned[1])
  end)


  it("goes on after a line that the disk had no room for the end of", function()
    local ledger = lead()
    ledger.write("active", RECORD)
    local append, said = files.append, {}
    _G.kong.log.err = function(...) said[#said + 1] = table.concat({ ... }) end
    _G.kong.log.notice = function() end
    files.append = function(name, line)
      append(name, line)
      files.save(name, files.load(name):sub(1, -10))
      return nil, "No space left on device"
    end
    ledger.write("reverting", RECORD)
    ledger.write("reverted", RECORD)
    files.append = append
    ledger.write("expired", RECORD)
    assert.same({ "active", "expired" }, { lines()[1].entry.event, lines()[2].entry.event })
    assert.equal(2, #lines())
    assert.equal(1, #said)
  end)


  it("goes on after a first line that was cut off", function()
    files.save(files.LEDGER, '{"hash":"00')
    lead().write("active", RECORD)
    assert.equal(("0"):rep(64), lines()[1].previous)
  end)


  it("goes on after a line that is longer than what is looked at first", function()
    local ledger = lead()
    ledger.write("active", RECORD)
    ledger.write("active", { id = ("x"):rep(100000), changes = {} })
    lead().write("expired", RECORD)
    assert.equal(3, #lines())
  end)


  it("follows what was put aside when it begins anew", function()
    local ledger = lead()
    ledger.write("active", { id = ("x"):rep(17 * 1024 * 1024), changes = {} })
    local append = files.append
    -- Killed between the two.
    files.append = function() error("killed") end
    assert.has_error(function() ledger.write("active", RECORD) end, "killed")
    files.append = append

    local head = lines("ledger-1000.jsonl")[1].hash
    lead().write("active", RECORD)
    assert.equal(head, lines()[1].previous)
  end)


  it("names nobody: neither clients nor who asked for something, nor addresses within words", function()
    local ledger = lead()
    local record = {
      id = "operator-1", policy = "operator", action = "ban", clients = { "192.0.2.1" }, named = { "192.0.2.14" }, approved_by = "alice",
      ended_by = "bob at 198.51.100.7", title = "Banned by alice: of 203.0.113.9", why = "approved by alice",
      changes = { { op = "ban", ban = { client_ip = "192.0.2.1" } } },
    }
    ledger.write("reverted", record, "asked for by bob at 198.51.100.7, who calls it a false alarm")
    local text = files.load(files.LEDGER)
    for _, name in ipairs({ "192.0.2.1", "alice", "bob", "198.51", "203.0.113.9" }) do
      assert.is_nil(text:find(name, 1, true), name)
    end
    local entry = lines()[1].entry
    assert.equal("operator", entry.action.policy)
    assert.equal("asked for by p19, who calls it a false alarm", entry.why)
    assert.equal("alice", record.approved_by)
  end)

end)
