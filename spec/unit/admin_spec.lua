-- Whom the agent writes to, and what it makes of answers, by an Admin API that is a table.


local ADMIN = "lua/kong/plugins/threat-agent/admin/"
local MODULE = "kong.plugins.threat-agent.admin."
local PLANE = "9524ec7d-36d9-465d-a8c5-83a3c9390458"


describe("the Admin API", function()
  local admin, asked, answers, api, names, failure
  local former_kong = _G.kong

  before_each(function()
    _G.ngx = _G.ngx or {}
    _G.ngx.null = _G.ngx.null or require("cjson").null
    _G.kong = { configuration = {}, default_workspace = "D" }
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
    package.loaded["kong.plugins.threat-agent.database"] = {
      workspace_name = function(id)
        return names[id], names[id] == nil and failure or nil
      end,
      is_gone = function(id)
        return id == "gone"
      end,
    }
    admin = dofile(ADMIN .. "init.lua")
    for _, name in ipairs({ "http", "traditional", "konnect", "dbless" }) do
      package.loaded[MODULE .. name] = nil
    end
    package.loaded["kong.plugins.threat-agent.entities"] = nil
    package.loaded["kong.plugins.threat-agent.database"] = nil
    names, failure = { T = "team" }, nil
    api = { url = "http://a", timeout_ms = 5 }
  end)

  after_each(function()
    _G.kong = former_kong
  end)


  it("is asked once who it is, and again where another is meant", function()
    assert.equal("admin_api", admin.client(api).tier)
    api.timeout_ms = 7
    assert.same({}, admin.client(api):tagged("plugins", "t"))
    api.url = "http://b"
    assert.same({}, admin.client(api):tagged("plugins", "t"))
    assert.same({ "5 GET /", "7 GET /plugins?tags=t", "7 GET /", "7 GET /plugins?tags=t" }, asked)
  end)


  it("is asked in the workspace that is meant", function()
    admin.client(api, "T"):get("routes", "R")
    admin.client(api, "D"):get("routes", "R")
    admin.client(api, ""):get("routes", "R")
    api.workspace = "main"
    admin.client(api, "D"):get("routes", "R")
    admin.client(api, "T"):get("routes", "R")
    assert.same({ "5 GET /", "5 GET /team/routes/R", "5 GET /routes/R", "5 GET /routes/R", "5 GET /main/routes/R",
                  "5 GET /team/routes/R" }, asked)

  end)


  it("is not asked in a workspace that is gone, or not known yet", function()
    assert.same({ nil, "the workspace gone is gone, and what was changed there with it", false, true },
                { admin.client(api, "gone") })
    assert.same({ nil, "the workspace new is not known here", true }, { admin.client(api, "new") })
    failure = "the database is away"
    assert.same({ nil, "the workspace gone is not known here: the database is away", true }, { admin.client(api, "gone") })
    assert.same({}, asked)
  end)


  it("says of no entity that it is gone but by 404", function()
    answers["GET /routes/R"], answers["PATCH /routes/R"] = { 202, { id = "R" } }, { 204 }
    local client = admin.client(api)
    assert.same({ id = "R" }, client:get("routes", "R"))
    assert.is_true(client:patch("routes", "R", {}))
    answers["GET /routes/R"], answers["PATCH /routes/R"] = { 404 }, { 404 }
    assert.is_false(client:get("routes", "R"))
    assert.is_false(client:patch("routes", "R", {}))
  end)


  it("goes on within a workspace, whether or not a page names it", function()
    answers["GET /team/plugins?tags=t"] = { 200, { data = { 1 }, next = "/plugins?offset=a" } }
    answers["GET /team/plugins?offset=a"] = { 200, { data = { 2 }, next = "/team/plugins?offset=b" } }
    answers["GET /team/plugins?offset=b"] = { 200, { data = { 3 } } }
    assert.same({ 1, 2, 3 }, admin.client(api, "T"):tagged("plugins", "t"))
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
