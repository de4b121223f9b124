-- What is kept of a configuration on disk, and what a leader makes of that, with a vault that is a table.


local cjson = require "cjson.safe"


local MODULE = "kong.plugins.threat-agent."
local FOLDER = "lua/kong/plugins/threat-agent/"


describe("the last configuration", function()
  local last_conf, settings, written, writes, records, secret, conf
  local former_kong = _G.kong

  before_each(function()
    _G.ngx = _G.ngx or {}
    _G.ngx.null = _G.ngx.null or cjson.null
    written, writes, secret = {}, 0, "from the vault"
    records = { { state = "active" } }
    _G.kong = {
      default_workspace = "DEFAULT",
      configuration = {},
      log = { warn = function() end },
      vault = {
        is_reference = function(text) return text:find("^{vault://") ~= nil end,
        get = function() return secret end,
      },
    }
    package.loaded[MODULE .. "entities"] = {}
    package.loaded[MODULE .. "files"] = {
      CONF = "conf",
      save = function(name, text)
        writes, written[name] = writes + 1, text
        return true
      end,
      load = function(name) return written[name] end,
    }
    package.loaded[MODULE .. "agent.journal"] = {
      all = function() return records end,
      is_ended = function(record) return record.state ~= "active" end,
    }
    package.loaded[MODULE .. "redact"] = dofile(FOLDER .. "redact.lua")
    settings = dofile(FOLDER .. "settings.lua")
    package.loaded[MODULE .. "settings"] = settings
    last_conf = dofile(FOLDER .. "agent/last_conf.lua")
    for _, name in ipairs({ "entities", "files", "agent.journal", "redact", "settings" }) do
      package.loaded[MODULE .. name] = nil
    end
    conf = { mode = "enforce", other = "ours", response = {
      kill_switch = false,
      admin_api = { url = "http://a", token = "resolved", workspace = cjson.null,
                    ["$refs"] = { token = "{vault://env/token}" } },
      companion = { key = "written in the open", accepts = {} },
      ledger_key = "in the open, too",
      policies = { { id = "p" } },
    }, store = { type = "redis", redis = { host = "r", password = "resolved", ["$refs"] = { password = "{vault://env/redis}" } } } }
  end)

  after_each(function()
    _G.kong = former_kong
  end)


  it("is written once, without secrets", function()
    assert.is_true(last_conf.keep(nil))
    assert.is_true(last_conf.keep(conf))
    assert.is_true(last_conf.keep(conf))
    assert.equal(1, writes)
    for _, word in ipairs({ "resolved", "in the open", "ours" }) do
      assert.is_nil(written.conf:find(word, 1, true), word)
    end
    assert.equal("{vault://env/token}", cjson.decode(written.conf).response.admin_api.token)
  end)


  it("is what is left to end by where there is no other, with its secrets as they are now", function()
    last_conf.keep(conf)
    last_conf.recall()
    assert.is_nil(settings.look_up())
    assert.equal("from the vault", settings.last().response.admin_api.token)
    assert.equal("p", settings.last().response.policies[1].id)
    assert.same({ type = "redis", redis = { host = "r", password = "from the vault" } }, settings.last().store)
    secret = "rotated"
    settings.look_up()
    assert.equal("rotated", settings.last().response.admin_api.token)
    assert.is_nil(settings.platform())

    settings.configure({ conf })
    assert.equal(conf, settings.look_up())
    settings.configure({})
    settings.look_up()
    assert.equal(conf, settings.last())
  end)


  it("is left where it lies once nothing stands that was done by it", function()
    last_conf.keep(conf)
    records[1].state = "expired"
    last_conf.recall()
    settings.look_up()
    assert.is_nil(settings.last())

    records[1].state, written.conf = "active", "half a"
    last_conf.recall()
    settings.look_up()
    assert.is_nil(settings.last())
  end)
end)
