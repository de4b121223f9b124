-- Where a control plane has its orders from: the global instance, as a database that is a table has it.


local PATH = "lua/kong/plugins/threat-agent/"


describe("a control plane's settings", function()
  local settings, stored, err, secret, asked
  local former_kong = _G.kong

  before_each(function()
    require("spec.support.plugin")
    asked, err, secret = {}, nil, "first"
    _G.ngx = _G.ngx or {}
    _G.ngx.null = _G.ngx.null or require("cjson").null
    stored = { enabled = true, key = "{vault://env/key}", accepts = { "rollback" } }
    _G.kong = {
      default_workspace = "DEFAULT",
      configuration = { role = "control_plane" },
      log = { warn = function() end },
      vault = {
        is_reference = function(text) return text:find("^{vault://") ~= nil end,
        get = function() return secret end,
      },
      db = { plugins = {
        -- As Kong's: what is not said is the request's.
        cache_key = function(_, name, _, _, _, _, workspace)
          return name .. ":" .. (workspace or "REQUEST")
        end,
        select_by_cache_key = function(_, key, options)
          asked[#asked + 1] = key .. "@" .. (options and options.workspace or "REQUEST")
          return not err and stored and {
            enabled = stored.enabled,
            config = { response = { companion = { accepts = stored.accepts, key = stored.key } }, list = { 1, 2 } },
          } or nil, err
        end,
      } },
    }
    settings = dofile(PATH .. "settings.lua")
  end)

  after_each(function()
    _G.kong = former_kong
  end)


  it("are the default workspace's, whichever the request is in", function()
    assert.equal("first", settings.look_up().response.companion.key)
    assert.same({ "threat-agent:DEFAULT@DEFAULT" }, asked)
  end)


  it("are the same table as long as they say the same, secrets included", function()
    local conf = settings.look_up()
    assert.equal(conf, settings.look_up())
    assert.equal(conf, settings.platform())

    secret = "second"
    local changed = settings.look_up()
    assert.equal("second", changed.response.companion.key)
    stored.accepts = { "rollback", "acl" }
    assert.is_true(settings.look_up() ~= changed)
  end)


  it("keep their secrets while the vault is away, and say so once", function()
    local conf, said = settings.look_up(), 0
    _G.kong.log.warn = function() said = said + 1 end
    secret = nil
    for _ = 1, 3 do
      assert.equal(conf, settings.look_up())
    end
    assert.equal(1, said)
    stored.key = "{vault://env/another}"
    assert.equal("", settings.look_up().response.companion.key)
    assert.equal(2, said)
  end)


  it("stay where they cannot be read, and go where there are none", function()
    local conf = settings.look_up()
    err = "away"
    assert.equal(conf, settings.look_up())
    err = nil
    for _, none in ipairs({ false, { enabled = false, accepts = { "acl" } }, { enabled = true, accepts = {} } }) do
      stored = none
      assert.is_nil(settings.look_up())
      assert.is_nil(settings.platform())
      assert.equal(conf, settings.last())
    end
  end)
end)
