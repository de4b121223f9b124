-- What the vetted templates refuse, on a request that is a table.


describe("a template", function()
  local templates, request, status
  local former_kong = _G.kong

  setup(function()
    templates = dofile("lua/kong/plugins/threat-agent/actions/templates.lua")
  end)

  before_each(function()
    status = nil
    _G.kong = {
      request = {
        get_raw_query = function() return request.query or "" end,
        get_header = function(name) return request.headers and request.headers[name] end,
        get_raw_body = function() return request.body, request.body == nil and "too big" or nil end,
        get_path = function() return request.path end,
      },
      response = { exit = function(code) status = code end },
    }
  end)

  after_each(function()
    _G.kong = former_kong
  end)


  for _, case in ipairs({
    { "refuse_parameter", "debug", { query = "a=1&debug=1" }, 403 },
    { "refuse_parameter", "debug", { query = "debug" }, 403 },
    { "refuse_parameter", "debug", { query = "%64ebug=1" }, 403 },
    { "refuse_parameter", "a b[c]%", { query = "a+b%5Bc%5d%25=1" }, 403 },
    { "refuse_parameter", "debug", { query = ("x=1&"):rep(2000) .. "debug=1" }, 403 },
    { "refuse_parameter", "debug", { query = "debugger=1&a=debug&=debug" }, nil },
    { "refuse_parameter", "debug", {}, nil },
    { "refuse_body_size", "10", { headers = { ["content-length"] = "11" } }, 413 },
    { "refuse_body_size", "10", { headers = { ["content-length"] = "10" } }, nil },
    { "refuse_body_size", "10", { body = ("x"):rep(11) }, 413 },
    { "refuse_body_size", "10", { body = ("x"):rep(10) }, nil },
    { "refuse_body_size", "10", { body = "" }, nil },
    { "refuse_body_size", "10", { body = nil }, 413 },
    { "refuse_path", "/x%", { path = "/a/x%/" }, 403 },
  }) do
    it(("%s %s answers %s to %.40s"):format(case[1], case[2], case[4] or "nothing", case[3].query or case[3].path or case[3].body
                                           or (case[3].headers or {})["content-length"] or "nothing"), function()
      request = case[3]
      assert(load(assert(templates.render(case[1], case[2]))))()
      assert.equal(case[4], status)
    end)
  end
end)
