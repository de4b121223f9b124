-- What streams get of an incident: each change under an id of its own, on a gateway that is tables.


local plugin = require "spec.support.plugin"


local MODULE = "kong.plugins.threat-agent."
local AGENT = plugin.repo .. "/lua/kong/plugins/threat-agent/agent/"


describe("a stream of incidents", function()
  local notices, sent, said, opinion, records, conf, odd, told, logged, kept
  local former_kong, former_time = _G.kong, _G.ngx and _G.ngx.time

  before_each(function()
    sent, said, opinion, records = {}, nil, nil, {}
    odd, told, logged, kept = nil, {}, {}, {}
    _G.ngx = _G.ngx or { null = require("cjson").null }
    _G.ngx.time = function() return 1000 end
    _G.kong = { node = { get_id = function() return "node" end }, log = {
      debug = function() end,
      err = function(...) logged[#logged + 1] = table.concat({ ... }) end,
    } }
    local stubs = {
      ["agent.anchor"] = { open = function() end, tell = function() end },
      ["agent.failing"] = { check = function(ok) return ok end },
      ["agent.journal"] = { all = function() return records end },
      ["agent.ledger"] = { take_new = function() return {} end },
      ["agent.outbox"] = {
        send = function(to, event, _, done)
          if event.incident.id == odd then
            error("odd", 0)
          end
          sent[#sent + 1] = event
          told[#told + 1] = done and to.name .. " " .. event.incident.id or nil
        end,
      },
      feedback = { of = function() return said end },
      opinions = { of = function() return opinion end },
      files = {
        load = function(name) return kept[name] end,
        save = function(name, text)
          kept[name] = text
          return true
        end,
        NOTIFIED = "notified.json",
      },
      judged = function(incident) return incident end,
      stores = {},
    }
    for name, stub in pairs(stubs) do
      package.loaded[MODULE .. name] = stub
    end
    package.loaded[MODULE .. "agent.events"] = dofile(AGENT .. "events.lua")
    notices = dofile(AGENT .. "notices.lua")
    for name in pairs(stubs) do
      package.loaded[MODULE .. name] = nil
    end
    package.loaded[MODULE .. "agent.events"] = nil
    conf = {
      mode = "enforce", store = { type = "memory" },
      notifications = { enabled = true, redact = {}, channels = { { type = "gateway", enabled = true } } },
    }
    notices.open()
    notices.take_in({ id = "I", status = "open", title = "t", severity = "high", updated_s = 990, opened_s = 980 })
  end)

  after_each(function()
    _G.kong, _G.ngx.time = former_kong, former_time
  end)


  it("has each change once, under an id of its own", function()
    local function beat()
      notices.beat(conf, 1000)
      notices.beat(conf, 1000)
    end

    beat()
    opinion = { at_s = 991 }
    beat()
    opinion = { at_s = 995 }
    beat()
    for n, verdict in ipairs({ "attack", "false_alarm", "attack" }) do
      said = { verdict = verdict, at_s = 1000 + n }
      beat()
    end
    records = { { id = "I-1", incident = "I", action = "ban", state = "applying" } }
    beat()
    records[1].state = "active"
    beat()

    assert.equal(8, #sent)
    local seen = {}
    for _, event in ipairs(sent) do
      assert.is_nil(seen[event.id], event.id)
      seen[event.id] = true
    end
    assert.equal("I-opened-990-attack1003-ai995-1.active", sent[8].id)
  end)


  it("goes on where one incident cannot be told, which the next leader tries again", function()
    local webhook = { type = "webhook", enabled = true }
    conf.notifications = {
      enabled = true, redact = {}, min_severity = "low", rate_per_minute = 10, update_interval_s = 300,
      channels = { webhook, { type = "slack", enabled = true }, { type = "gateway", enabled = true } },
    }
    local second = { id = "J", status = "open", title = "t", severity = "low", updated_s = 991, opened_s = 981 }
    notices.take_in(second)
    odd = "I"
    notices.beat(conf, 1000)
    table.sort(told)
    assert.same({ "slack J", "webhook J" }, told)
    assert.equal(3, #sent)
    assert.equal(3, #logged)
    notices.beat(conf, 1010)
    assert.equal(3, #logged)

    odd, told = nil, {}
    notices.open()
    notices.take_in({ id = "I", status = "open", title = "t", severity = "high", updated_s = 990, opened_s = 980 })
    notices.beat(conf, 1020)
    table.sort(told)
    assert.same({ "slack I", "webhook I" }, told)
  end)
end)
