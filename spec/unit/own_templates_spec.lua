-- The code of hot patches: compiled, and a parameter in it is a literal whatever it says.


local FOLDER = "lua/kong/plugins/threat-agent/"


describe("a template of one's own", function()
  local templates, check

  setup(function()
    templates = dofile(FOLDER .. "actions/templates.lua")
    package.loaded["kong.plugins.threat-agent.actions.templates"] = templates
    check = dofile(FOLDER .. "config_check.lua")
    package.loaded["kong.plugins.threat-agent.actions.templates"] = nil
  end)


  local OWN = { { name = "log_only", code = 'seen = {{parameter}} .. ("%d%%s"):format(1)' } }

  -- What code leaves in `seen`.
  local function run(code)
    local env = { seen = nil }
    setfenv(assert(loadstring(code)), env)()
    return env.seen
  end


  for _, parameter in ipairs({ "plain", '" .. os.exit() .. "', "%s %d %%", "]] --", "line\nbreak\0end", "{{parameter}}", "ü\\" }) do
    it("of the operator's takes a parameter as a literal: " .. parameter:gsub("%c", "?"), function()
      assert.equal(parameter .. "1%s", run(assert(templates.render("log_only", parameter, OWN))))
    end)
  end


  it("that is vetted takes one, too, and a number where it needs one", function()
    assert.matches('path:find("a%b", 1, true)', (templates.render("refuse_path", "a-b")):gsub("%-", "%%"), 1, true)
    assert.is_string(templates.render("refuse_body_size", "100", {}))
    assert.matches("number of bytes", select(2, templates.render("refuse_body_size", "x", {})))
    assert.matches("no template", select(2, templates.render("other", "x", OWN)))
    assert.matches("needs a parameter", select(2, templates.render("log_only", "", OWN)))
  end)


  local function response(own, template)
    return { templates = own, policies = { { id = "p", steps = { { action = "hot_patch", template = template } } } } }
  end


  it("is refused with its configuration where it does not compile, is vetted already, or is none", function()
    assert.is_true(check.response(response({}, "refuse_path")))
    assert.is_true(check.response(response(OWN, "log_only")))
    for why, case in pairs({
      ["does not compile"] = response({ { name = "broken", code = "if then" } }, "refuse_path"),
      ["does not compile: "] = response({ { name = "quoted", code = 'a = "{{parameter}}"' } }, "refuse_path"),
      ["vetted"] = response({ { name = "refuse_path", code = "" } }, "refuse_path"),
      ["policy p: there is no template of the name other"] = response(OWN, "other"),
    }) do
      local ok, err = check.response(case)
      assert.is_nil(ok)
      assert.matches(why, err, 1, true)
    end
  end)
end)
