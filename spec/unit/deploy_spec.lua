-- What lies under deploy/ speaks of what the plugin has.


local lyaml = require "lyaml"
local cjson = require "cjson.safe"
local plugin = require "spec.support.plugin"


local function views()
  local found = {}
  local text = plugin.read("lua/kong/plugins/threat-agent/views/init.lua")
  for path, methods in text:gmatch('%["(/[%l:/]*)"%] = (%b{})') do
    for method in methods:gmatch("(%u%u%u+) =") do
      found[method:lower() .. " " .. path:gsub(":(%l+)", "{%1}")] = true
    end
  end

  return found
end


local function metrics()
  local found = {}
  for name, kind in plugin.read("lua/kong/plugins/threat-agent/metrics.lua"):gmatch('{ "([%l_]+)", "(%l+)", "') do
    found[name] = kind ~= "histogram" or nil
    for _, part in ipairs(kind == "histogram" and { "_bucket", "_sum", "_count" } or {}) do
      found[name .. part] = true
    end
  end

  return found
end


describe("deploy/", function()
  it("openapi.yaml has every view, and no other", function()
    local described = {}
    for path, methods in pairs(lyaml.load(plugin.read("deploy/openapi.yaml")).paths) do
      for method in pairs(methods) do
        described[method .. " " .. path] = true
      end
    end

    -- The page is the dashboard's own.
    described["get /"] = nil
    assert.same(views(), described)
  end)

  for _, path in ipairs({ "deploy/prometheus/alerts.yml", "deploy/grafana/threat-agent.json" }) do
    it(path .. " asks for metrics that there are", function()
      local known, asked = metrics(), 0
      local text = plugin.read(path)
      for _, pattern in ipairs({ "threat_agent_([%l_]+)", "${prefix}_([%l_]+)" }) do
        for name in text:gmatch(pattern) do
          asked = asked + 1
          assert.is_true(known[name], name)
        end
      end
      assert.is_true(asked >= 9)
      assert.is_table(path:find("json$") and cjson.decode(text) or lyaml.load(text))
    end)
  end

  it("categories and severities are the plugin's", function()
    local vocabulary = require "kong.plugins.threat-agent.vocabulary"
    local api = lyaml.load(plugin.read("deploy/openapi.yaml")).components.schemas
    assert.same(vocabulary.CATEGORIES, api.Category.enum)
    assert.same(vocabulary.SEVERITIES, api.Severity.enum)

    local event = cjson.decode(plugin.read("deploy/incident.schema.json"))
    local incident = event["$defs"].incident.properties
    assert.same(vocabulary.CATEGORIES, incident.category.enum)
    assert.same(vocabulary.SEVERITIES, incident.severity.enum)
  end)

  it("dashboard.yml is in the plugin's words", function()
    local config = lyaml.load(plugin.read("deploy/dashboard.yml")).routes[1].plugins[2]
    assert.equal("threat-agent-dashboard", config.name)
    _G.ngx = _G.ngx or { null = require("cjson").null }
    local schema = dofile(plugin.repo .. "/lua/kong/plugins/threat-agent-dashboard/schema.lua")
    local known = {}
    for _, entry in ipairs(schema.fields[5].config.fields) do
      known[next(entry)] = true
    end
    for name in pairs(config.config) do
      assert.is_true(known[name], name)
    end
  end)
end)
