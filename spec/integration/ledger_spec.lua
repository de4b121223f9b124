-- The ledger's head, told to a channel outside: a chain that was cut off, changed or written anew does
-- not hold it.


local gateway = require "spec.support.gateway"
local plugin = require "spec.support.plugin"
local receivers = require "spec.support.receivers"


local eventually = gateway.eventually


local KEY = "ledger-key-of-the-spec"

local CONFIG = [[
_format_version: "3.0"
services:
  - name: shop
    url: http://127.0.0.1:${DEMO_PORT}
    routes: [{ name: shop, paths: ["/"] }]
plugins:
  - name: threat-agent
    config:
      mode: enforce
      response: { ledger_key: ]] .. KEY .. [[ }
      notifications:
        channels:
          - { type: webhook, url: "http://127.0.0.1:HTTP/anchor", ledger_head_s: 1, min_severity: critical }
          - { type: webhook, name: none, url: "http://127.0.0.1:HTTP/none", min_severity: critical }
]]


describe(gateway.describe_name("the ledger's head:"), function()
  local gw, receiver

  setup(function()
    receiver = receivers.http()
    gw = gateway.start({ config = (CONFIG:gsub("HTTP", receiver.port)), trusted_ips = "127.0.0.1" })
    eventually(function()
      return gw:http({ path = "/products" }).status == 200
    end, 30)
  end)

  teardown(function()
    gw:stop()
    receiver:stop()
  end)


  local function heads()
    local found = {}
    for _, message in ipairs(receiver:received()) do
      if message.path == "/anchor" then
        found[#found + 1] = message.body
      end
      assert.not_equal("/none", message.path)
    end

    return found
  end


  local function ban(client)
    assert.equal(202, gw:admin("POST", "/threat-agent/bans", { client = client, ttl_s = 600, reason = "spec" }).status)
  end


  it("is told outside, and a ledger without it is found out", function()
    ban("192.0.2.10")
    eventually(function() return #heads() >= 1 end, 20)
    ban("192.0.2.11")
    eventually(function() return #heads() >= 2 end, 20)

    local path, key_file = gw.prefix .. "/threat-agent/ledger.jsonl", gw.prefix .. "/ledger.key"
    gateway.write_file(key_file, KEY .. "\n")
    local function verify(file, head, key)
      return (plugin.cli(("ledger verify %s --key-file %s --head %q"):format(file, key or key_file, head)))
    end

    local latest
    for _, body in ipairs(heads()) do
      assert.matches(": ok", verify(path, body))
      latest = body
    end
    assert.matches('"event":"ledger.head"', latest, 1, true)
    assert.matches(": ok", verify(path, latest:match('"head":"(%x+)"')))

    -- Its end cut off, the chain is still one, but not the one that was told of.
    local lines, cut = {}, path .. ".cut"
    for line in gateway.read_file(path):gmatch("[^\n]+") do
      lines[#lines + 1] = line
    end
    gateway.write_file(cut, lines[1] .. "\n")
    assert.matches(": ok", (plugin.cli(("ledger verify %s --key-file %s"):format(cut, key_file))))
    assert.matches("has no line of the head", verify(cut, latest))

    assert.matches("not signed with the key", verify(path, (latest:gsub('"signature":"%x', '"signature":"g'))))
    assert.matches("expected a hash", verify(path, "{}"))
  end)


  it("goes on after a crash in the middle of a line, and names nobody", function()
    local path, key_file = gw.prefix .. "/threat-agent/ledger.jsonl", gw.prefix .. "/ledger.key"
    local before = gateway.read_file(path)
    local file = assert(io.open(path, "ab"))
    file:write('{"hash":"5f3e","previous":"')
    file:close()
    for _, pid in ipairs(gw:worker_pids()) do
      gateway.run("kill -9 " .. pid)
    end
    eventually(function()
      return gateway.read_file(path) == before
    end, 20)
    ban("192.0.2.12")
    local text = eventually(function()
      local now = gateway.read_file(path)
      return #now > #before and now:sub(1, #before) == before and now:find('"active"', #before, true) and now
    end, 20)
    assert.matches(": ok", (plugin.cli(("ledger verify %s --key-file %s"):format(path, key_file))))
    for _, name in ipairs({ "192.0.2.1", "127.0.0.1" }) do
      assert.is_nil(text:find(name, 1, true), name)
    end
  end)
end)
