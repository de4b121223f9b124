-- A bad config is refused with the field's name, with the engine at hand and without it.


local cjson = require "cjson.safe"
local configs = require "spec.support.configs"
local gateway = require "spec.support.gateway"


local EMPTY = [[
_format_version: "3.0"
plugins:
  - name: threat-agent
]]


local function sorted(cases)
  local names = {}
  for name in pairs(cases) do
    names[#names + 1] = name
  end

  table.sort(names)
  return names
end


local function validate(gw, config)
  return gw:admin("POST", "/schemas/plugins/validate", {
    name = "threat-agent",
    config = next(config) and config or nil,
  })
end


local function assert_refused(response, field)
  assert.equal(400, response.status, response.body)
  assert.equal("schema violation", response.json.name)
  -- JSON escapes quotes; the decoded text is what an operator reads.
  local said = response.json.message .. cjson.encode(response.json.fields)
  assert.is_truthy(said:find(field, 1, true), field .. " is not in: " .. said)
end


describe(gateway.describe_name("the config"), function()
  describe("with the engine", function()
    local gw

    setup(function()
      gw = gateway.start({ config = EMPTY, workers = 1 })
    end)

    teardown(function()
      gw:stop()
    end)

    for _, name in ipairs(sorted(configs.good)) do
      it("may hold " .. name, function()
        local response = validate(gw, configs.good[name])
        assert.equal(200, response.status, response.body)
      end)
    end

    for _, name in ipairs(sorted(configs.bad)) do
      it("may not hold " .. name, function()
        assert_refused(validate(gw, configs.bad[name][1]), configs.bad[name][2])
      end)
    end

    for _, name in ipairs(sorted(configs.lua_good)) do
      it("may hold " .. name, function()
        local response = validate(gw, configs.lua_good[name])
        assert.equal(200, response.status, response.body)
      end)
    end

    for _, name in ipairs(sorted(configs.lua_bad)) do
      it("may not hold " .. name, function()
        assert_refused(validate(gw, configs.lua_bad[name][1]), configs.lua_bad[name][2])
      end)
    end

    it("tells the place and what was expected", function()
      local response = validate(gw, { limits = { { id = "l", by = "client_ip", window = "5s", limit = 1 } } })
      assert.matches("window", response.json.message, 1, true)
      assert.matches("expected one of: 1s, 10s, 60s, 1h", response.json.message, 1, true)
    end)
  end)


  describe("without the engine", function()
    local gw

    setup(function()
      gw = gateway.start({ config = EMPTY, workers = 1, env = { LIB_DIR = "/nonexistent" } })
    end)

    teardown(function()
      gw:stop()
    end)

    for _, name in ipairs(sorted(configs.good)) do
      it("may hold " .. name, function()
        assert.equal(200, validate(gw, configs.good[name]).status)
      end)
    end

    for _, name in ipairs(sorted(configs.bad)) do
      local case = configs.bad[name]
      if not case[3] then
        it("may not hold " .. name, function()
          assert_refused(validate(gw, case[1]), case[2])
        end)
      end
    end
  end)
end)
