-- What counts as an answer of an Admin API, by a client that is a table.


local cjson = require "cjson.safe"


local MODULE = "kong.plugins.threat-agent."
local ADMIN = "lua/kong/plugins/threat-agent/admin/"
local PLANE = "9524ec7d-36d9-465d-a8c5-83a3c9390458"


describe("an exchange with the Admin API", function()
  local http, answer

  before_each(function()
    _G.ngx = _G.ngx or {}
    _G.ngx.null = _G.ngx.null or cjson.null
    package.loaded[MODULE .. "admin.reach"] = {
      UNANSWERED = "unanswered",
      request = function() return answer end,
    }
    package.loaded[MODULE .. "lease"] = { holds = function() return true end }
    http = dofile(ADMIN .. "http.lua")
    package.loaded[MODULE .. "lease"], package.loaded[MODULE .. "admin.reach"] = nil, nil
  end)


  local function ask(status, body, more, method)
    answer = { status = status, body = body, headers = {} }
    local settings = { url = "http://a", timeout_ms = 5, token = cjson.null }
    for name, value in pairs(more or {}) do
      settings[name] = value
    end

    return http.request(settings, method or "PATCH", "/routes/r", {})
  end


  it("is good where it is one", function()
    assert.same({ 200, { id = "r" } }, { ask(200, '{"id":"r"}') })
    assert.same({ 201, {} }, { ask(201, "{}") })
    assert.equal(204, (ask(204)))
  end)


  it("says that something is not there in an Admin API's own words only", function()
    assert.equal(404, (ask(404, '{"message":"Not found"}')))
    assert.equal(404, (ask(404, '{"title":"Not Found"}', { control_plane_id = PLANE })))
    for _, body in ipairs({ "<html>404</html>", "", '"x"', '{"message":"no Route matched with those values"}' }) do
      local status, err, passes = ask(404, body)
      assert.is_nil(status)
      assert.matches("404 at http://a is no Admin API", err)
      assert.is_true(passes)
    end
    assert.is_nil((ask(404, "default backend", { control_plane_id = PLANE })))
  end)


  it("is none where somebody in between answers", function()
    for _, status in ipairs({ 301, 302, 304, 307 }) do
      local got, err, passes = ask(status, "<html>log in</html>")
      assert.is_nil(got)
      assert.matches("answered " .. status, err)
      assert.is_false(passes)
    end
    for _, body in ipairs({ "<html>log in</html>", "", "true" }) do
      local got, err, passes = ask(200, body)
      assert.is_nil(got)
      assert.matches("no Admin API", err)
      assert.is_true(passes)
    end
    -- Nothing is no entity, and says of none that it is gone.
    local got, err, passes = ask(204, nil, nil, "GET")
    assert.is_nil(got)
    assert.matches("answered 204 at http://a is no Admin API", err)
    assert.is_true(passes)
  end)


  it("passes where the next one may not meet it", function()
    for status, expected in pairs({ [400] = false, [401] = false, [409] = false, [429] = true, [500] = true, [503] = true }) do
      local _, err, passes = ask(status, '{"message":"said"}')
      assert.equal("the Admin API answered " .. status .. ": said", err)
      assert.equal(expected, passes)
    end
  end)


  it("that somebody in between gave up on may yet be done", function()
    assert.equal("unanswered", (select(3, ask(504, "<html>"))))
    assert.is_true((select(3, ask(504, "<html>", nil, "GET"))))
  end)
end)
