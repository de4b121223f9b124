-- deploy/rbac-role.yaml allows what the agent asks of the Admin API, and nothing else.


local lyaml = require "lyaml"
local plugin = require "spec.support.plugin"
local role = require "spec.support.role"


local ADMIN = "lua/kong/plugins/threat-agent/admin/"

-- Kinds whose entities actions change, and those that rollback takes from snapshots.
local KINDS = { "acls", "plugins", "routes", "services", "upstreams", "upstreams/UPSTREAM/targets" }


-- The agent neither makes these nor takes them away.
local STAYS = { routes = true, services = true }

local asked


local function client()
  package.loaded["kong.plugins.threat-agent.admin.http"] = {
    request = function(_, method, path)
      local endpoint = path:gsub("%?.*", ""):gsub("%u%u%u+", "*")
      for _, action in ipairs(role.ACTIONS[method]) do
        asked[endpoint .. " " .. action] = true
      end
      return 200, { data = {} }
    end,
  }
  local traditional = dofile(ADMIN .. "traditional.lua")
  package.loaded["kong.plugins.threat-agent.admin.http"] = nil
  return traditional.new({})
end


-- Everything that the agent can ask: each method of the client, for each kind that is used with it.
local function ask_everything()
  asked = { ["/ read"] = true }     -- admin/init.lua asks what it talks to
  local api = client()
  for _, kind in ipairs(KINDS) do
    for _, method in ipairs(STAYS[kind] and { "get", "patch" } or { "get", "put", "patch", "delete" }) do
      api[method](api, kind, "ENTITY", {})
    end
  end
  for _, kind in ipairs({ "routes", "services", "consumers" }) do
    api:plugins_of(kind, "ENTITY")
  end
  api:targets_of("UPSTREAM")
  api:groups_of("ENTITY")
  api:tagged("plugins", "threat-agent")
  api:tagged("acls", "threat-agent")
  return api
end


describe("the agent's role", function()
  it("is what the agent asks for, neither more nor less", function()
    ask_everything()
    local allowed = {}
    for _, entry in ipairs(lyaml.load(plugin.read("deploy/rbac-role.yaml")).rbac_roles[1].endpoint_permissions) do
      assert.is_false(entry.negative)
      for _, action in ipairs(entry.actions) do
        allowed[entry.endpoint .. " " .. action] = true
      end
    end
    assert.same(allowed, asked)
  end)


  it("knows every method that the client has", function()
    local known = {
      delete = true, get = true, groups_of = true, looker = true, patch = true, plugins_of = true, put = true, tagged = true,
      targets_kind = true, targets_of = true, within = true,
    }
    for name in plugin.read(ADMIN .. "traditional.lua"):gmatch("function Client[:.]([%l_]+)") do
      assert.is_true(known[name], name)
    end
  end)


  it("knows every kind that actions name", function()
    local known = {}
    for _, kind in ipairs(KINDS) do
      known[kind] = true
    end
    for _, path in ipairs(plugin.lua_files("lua/kong/plugins/threat-agent/actions")) do
      for kind in plugin.read(path):gmatch('kind = "([%l_]+)"') do
        assert.is_true(known[kind], kind)
      end
    end
    for kind in plugin.read("lua/kong/plugins/threat-agent/snapshots.lua"):match("local KINDS = (%b{})"):gmatch("%l+") do
      assert.is_true(known[kind] or kind == "targets", kind)
    end
  end)
end)
