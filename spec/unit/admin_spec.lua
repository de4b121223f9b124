-- Whom the agent writes to, and what it makes of answers, by an Admin API that is a table.


local ADMIN = "lua/kong/plugins/threat-agent/admin/"
local MODULE = "kong.plugins.threat-agent.admin."
local PLANE = "9524ec7d-36d9-465d-a8c5-83a3c9390458"


describe("the Admin API", function()
  local admin, asked, answers, api
  local former_kong = _G.kong

  before_each(function()
    _G.ngx = _G.ngx or {}
    _G.ngx.null = _G.ngx.null or require("cjson").null
    _G.kong = { configuration = {} }
    asked, answers = {}, {}
    package.loaded[MODULE .. "http"] = {
      request = function(settings, method, path)
        local what = method .. " " .. path
        asked[#asked + 1] = settings.timeout_ms .. " " .. what
        local answer = answers[what] or { 200, { data = {} } }
        return answer[1], answer[2], answer[3]
      end,
    }
    package.loaded["kong.plugins.threat-agent.entities"] = dofile("lua/kong/plugins/threat-agent/entities.lua")
    for _, name in ipairs({ "traditional", "konnect" }) do
      package.loaded[MODULE .. name] = dofile(ADMIN .. name .. ".lua")
    end
    package.loaded[MODULE .. "dbless"] = { new = function() return { tier = "dbless" } end }
    admin = dofile(ADMIN .. "init.lua")
    for _, name in ipairs({ "http", "traditional", "konnect", "dbless" }) do
      package.loaded[MODULE .. name] = nil
    end
    package.loaded["kong.plugins.threat-agent.entities"] = nil
    api = { url = "http://a", timeout_ms = 5 }
  end)

  after_each(function()
    _G.kong = former_kong
  end)


  it("is asked once who it is, and again where another is meant", function()
    assert.equal("admin_api", admin.client(api).tier)
    api.timeout_ms = 7
    assert.same({}, admin.client(api):tagged("plugins", "t"))
    api.workspace = "team"
    assert.same({}, admin.client(api):tagged("plugins", "t"))
    assert.same({ "5 GET /", "7 GET /plugins?tags=t", "7 GET /", "7 GET /team/plugins?tags=t" }, asked)
  end)


  it("of Konnect is none before the control plane answers", function()
    api.control_plane_id = PLANE
    local services = "GET /v2/control-planes/" .. PLANE .. "/core-entities/services?size=1"
    answers[services] = { 404 }
    local client, err, passes = admin.client(api)
    assert.is_nil(client)
    assert.matches("no control plane " .. PLANE, err, 1, true)
    assert.is_true(passes)
    answers[services] = { nil, "away", true }
    assert.same({ nil, "away", true }, { admin.client(api) })
    answers[services] = nil
    assert.equal("konnect", admin.client(api).tier)
    admin.client(api)
    assert.equal(3, #asked)
  end)


  it("takes nothing for done or empty in a place that is not there", function()
    local client = admin.client(api)
    answers["PUT /plugins/P"] = { 404, { message = "Not found" } }
    answers["GET /routes/R/plugins?size=1000"] = { 404, { message = "Not found" } }
    answers["GET /acls?tags=t"] = { 404, { message = "Not found" } }
    for _, said in ipairs({ { client:put("plugins", "P", {}) }, { client:plugins_of("routes", "R") } }) do
      assert.is_nil(said[1])
      assert.matches("404", said[2])
      assert.is_false(said[3])
    end
    assert.is_false((client:tagged("acls", "t")))
  end)


  it("takes nothing for a list that is none, and follows none for ever", function()
    local client = admin.client(api)
    for _, path in ipairs({ "/plugins?tags=t", "/routes/R/plugins?size=1000", "/upstreams/U/targets?size=1000" }) do
      answers["GET " .. path] = { 200, { message = "all is well" } }
    end
    for _, said in ipairs({ { client:tagged("plugins", "t") }, { client:plugins_of("routes", "R") },
                            { client:targets_of("U") } }) do
      assert.same({ nil, "the Admin API answered without a list", true }, said)
    end

    answers["GET /plugins?tags=t"] = { 200, { data = {}, next = "/plugins?tags=t" } }
    assert.matches("does not end", (select(2, client:tagged("plugins", "t"))))
  end)
end)
