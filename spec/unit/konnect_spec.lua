-- The Konnect client asks for what the published document has: acls below their consumer, lists by offset,
-- entities put back whole.


local ADMIN = "lua/kong/plugins/threat-agent/admin/"
local MODULE = "kong.plugins.threat-agent.admin."
local BASE = "/v2/control-planes/CP/core-entities"


describe("the Konnect client", function()
  local asked, answers, client

  before_each(function()
    _G.ngx = _G.ngx or {}
    _G.ngx.null = _G.ngx.null or require("cjson").null
    _G.ngx.escape_uri = _G.ngx.escape_uri or function(text) return text end
    asked, answers = {}, {}
    package.loaded[MODULE .. "http"] = {
      request = function(_, method, path, body)
        assert.equal(BASE, path:sub(1, #BASE))
        local what = method .. " " .. path:sub(#BASE + 1)
        asked[#asked + 1] = { what = what, body = body }
        local answer = answers[what] or { 200, { data = {} } }
        return answer[1], answer[2], answer[3]
      end,
    }
    package.loaded[MODULE .. "traditional"] = dofile(ADMIN .. "traditional.lua")
    client = dofile(ADMIN .. "konnect.lua").new({ control_plane_id = "CP", url = "https://eu" })
    package.loaded[MODULE .. "http"], package.loaded[MODULE .. "traditional"] = nil, nil
  end)


  local function paths()
    local list = {}
    for i, one in ipairs(asked) do
      list[i] = one.what
    end
    return list
  end


  it("writes an acl's group below its consumer, and finds it there again", function()
    local entity = { group = "blocked", consumer = { id = "ALICE" } }
    client:put("acls", "X", entity)
    answers["GET /acls/X"] = { 200, entity }
    assert.same(entity, client:get("acls", "X"))
    assert.is_true(client:delete("acls", "X"))
    client:groups_of("ALICE")
    assert.same({ "PUT /consumers/ALICE/acls/X", "GET /acls/X", "GET /acls/X", "DELETE /consumers/ALICE/acls/X",
                  "GET /consumers/ALICE/acls?size=1000" }, paths())

    answers["GET /acls/X"] = { 404 }
    assert.is_true(client:delete("acls", "X"))
  end)


  it("puts an entity back whole", function()
    answers["GET /plugins/P"] = { 200, { id = "P", name = "cors", updated_at = 7, created_at = 6, config = { a = 1, b = 2 } } }
    client:patch("plugins", "P", { enabled = false, config = { b = 3 } })
    assert.same({ id = "P", name = "cors", created_at = 6, enabled = false, config = { a = 1, b = 3 } }, asked[2].body)
    answers["GET /plugins/P"] = { 404 }
    assert.is_false(client:patch("plugins", "P", {}))
    answers["GET /plugins/P"] = { nil, "away", true }
    assert.same({ nil, "away", true }, { client:patch("plugins", "P", {}) })
  end)


  it("reads lists to their end, and no further", function()
    answers["GET /plugins?tags=t&size=1000"] = { 200, { data = { 1, 2 }, offset = "next" } }
    answers["GET /plugins?tags=t&size=1000&offset=next"] = { 200, { data = { 3 } } }
    assert.same({ 1, 2, 3 }, client:tagged("plugins", "t"))
    answers["GET /upstreams/U/targets?size=1000"] = { 404 }
    assert.is_false(client:targets_of("U"))
    answers["GET /routes/R/plugins?size=1000"] = { 200, { data = {}, offset = "o" } }
    answers["GET /routes/R/plugins?size=1000&offset=o"] = { 200, { data = {}, offset = "o" } }
    assert.matches("does not end", (select(2, client:plugins_of("routes", "R"))))
    answers["GET /routes/R/plugins?size=1000"] = { nil, "away", true }
    assert.same({ nil, "away", true }, { client:plugins_of("routes", "R") })
  end)


  it("takes nothing for done or empty in a place that is not there", function()
    answers["PUT /plugins/P"] = { 404, { message = "Not found" } }
    answers["GET /routes/R/plugins?size=1000"] = { 404 }
    answers["GET /consumers/C/acls?size=1000"] = { 404 }
    for _, said in ipairs({
      { client:put("plugins", "P", { name = "cors" }) }, { client:plugins_of("routes", "R") }, { client:groups_of("C") },
    }) do
      assert.is_nil(said[1])
      assert.matches("404", said[2])
      assert.is_false(said[3])
    end
    answers["GET /acls?tags=t&size=1000"] = { 404 }
    assert.is_false((client:tagged("acls", "t")))
    answers["GET /services?size=1"] = { 404 }
    assert.matches("no control plane CP", (select(2, client:is_there())))
    answers["GET /services?size=1"] = nil
    assert.is_true(client:is_there())
  end)


  it("takes nothing for a list that is none", function()
    answers["GET /routes/R/plugins?size=1000"] = { 200, { message = "all is well" } }
    assert.same({ nil, "the Admin API answered without a list", true }, { client:plugins_of("routes", "R") })
  end)
end)
