-- Whole configurations, by an Admin API that is a table and takes some without an answer.


local cjson = require "cjson.safe"
local lyaml = require "lyaml"


local MODULE = "kong.plugins.threat-agent."
local ADMIN = "lua/kong/plugins/threat-agent/admin/"


describe("a DB-less node", function()
  local client, document, posted, answer, now, readings
  local former = {}

  before_each(function()
    _G.ngx = _G.ngx or {}
    _G.ngx.null = _G.ngx.null or cjson.null
    former.now = _G.ngx.now
    _G.ngx.now = function() return now end
    now, posted, answer, readings = 1000, {}, { 201, {} }, 0
    document = {
      _format_version = "3.0",
      routes = { { id = "r1", name = "one", updated_at = 5 }, { id = "r2", name = "two" } },
      plugins = { { id = "p1", name = "cors" } },
    }
    package.loaded[MODULE .. "admin.reach"] = { UNANSWERED = "unanswered", LANDS_S = 60 }
    package.loaded[MODULE .. "admin.http"] = {
      request = function(_, method, _, body)
        if method == "GET" then
          readings = readings + 1
          return 200, { config = lyaml.dump({ document }) }
        end
        posted[#posted + 1] = cjson.decode(cjson.encode(body))
        return answer[1], answer[2], answer[3]
      end,
    }
    package.loaded[MODULE .. "entities"] = dofile("lua/kong/plugins/threat-agent/entities.lua")
    package.loaded[MODULE .. "yaml"] = dofile("lua/kong/plugins/threat-agent/yaml.lua")
    package.loaded[MODULE .. "admin.declarative"] = dofile(ADMIN .. "declarative.lua")
    client = dofile(ADMIN .. "dbless.lua").new({ url = "http://a" })
    for _, name in ipairs({ "admin.reach", "admin.http", "entities", "yaml", "admin.declarative" }) do
      package.loaded[MODULE .. name] = nil
    end
  end)

  after_each(function()
    _G.ngx.now = former.now
  end)


  local function lose()
    answer = { nil, "timeout", "unanswered" }
    local ok, err, passes = client:put("plugins", "p2", { name = "acl", route = { id = "r1" } })
    assert.same({ nil, "timeout", "unanswered" }, { ok, err, passes })
    answer = { 201, {} }
  end


  local function patch()
    return client:patch("routes", "r2", { methods = { "GET" } })
  end


  it("is read once for all that is looked at in a row, and again after a write", function()
    assert.equal("two", client:looker():get("routes", "r2").name)
    assert.is_false(client:looker():get("routes", "r3"))
    assert.equal("cors", client:looker():get("plugins", "p1").name)
    assert.equal(1, readings)
    client:get("routes", "r2")
    assert.equal(2, readings)

    assert.truthy((patch()))
    readings, document.routes[2].methods = 0, { "GET" }
    assert.same({ "GET" }, client:looker():get("routes", "r2").methods)
    assert.equal(1, readings)
    now = now + 5
    client:looker():get("routes", "r2")
    assert.equal(2, readings)
  end)


  it("is sent no other configuration while one that it did not answer to may land over it", function()
    lose()
    local ok, err, passes = patch()
    assert.is_nil(ok)
    assert.matches("may take it yet", err)
    assert.is_true(passes)
    assert.equal(1, #posted)

    now = now + 60
    assert.truthy((patch()))
    assert.equal(2, #posted)
  end)


  it("is sent the next one where the clock was set back since", function()
    lose()
    now = now - 3600
    assert.truthy((patch()))
    assert.equal(2, #posted)
  end)


  it("is sent the next one as soon as it shows the one that it did not answer to", function()
    lose()
    document = posted[1]
    -- As Kong shows it: with defaults, in an order of its own, and with another time.
    document.plugins = { document.plugins[2], document.plugins[1] }
    document.plugins[1].enabled = true
    document.routes[1].updated_at = 9
    assert.truthy((patch()))
    assert.equal(2, #posted)
  end)


  it("is not sent what answers in its place, nor what is no configuration", function()
    for _, wrong in ipairs({ "text", 5 }) do
      document = wrong
      local found, err, passes = client:get("routes", "r1")
      assert.is_nil(found)
      assert.matches("shows no /config", err)
      assert.is_true(passes)
    end
  end)
end)
