-- The arrows between the plugin's files, and versions that must be equal.


local plugin = require "spec.support.plugin"


local FOLDER = "lua/kong/plugins/threat-agent"


-- Which of the plugin's modules each one may require. A module that is missing here is new:
-- give it a line, and think of the arrow's direction.
local ARROWS = {
  ["actions.ban"] = {},
  ["actions.disable_plugin"] = { "actions.plugins", "guards" },
  ["actions.drain_target"] = {},
  ["actions.hot_patch"] = { "actions.plugins", "actions.templates" },
  ["actions.init"] = {
    "actions.ban", "actions.disable_plugin", "actions.drain_target", "actions.hot_patch", "actions.ip_restriction",
    "actions.rate_limiting", "actions.request_termination", "actions.reroute", "actions.restrict_route",
    "actions.rollback", "native",
  },
  ["actions.ip_restriction"] = { "actions.ban", "actions.plugins" },
  ["actions.plugins"] = {},
  ["actions.rate_limiting"] = { "actions.plugins", "native" },
  ["actions.request_termination"] = { "actions.plugins", "effect" },
  ["actions.reroute"] = { "effect" },
  ["actions.restrict_route"] = { "effect" },
  ["actions.rollback"] = { "entities", "guards", "snapshots" },
  ["actions.templates"] = {},
  ["admin.dbless"] = { "admin.http" },
  ["admin.http"] = {},
  ["admin.init"] = { "admin.dbless", "admin.http", "admin.traditional" },
  ["admin.traditional"] = { "admin.http" },
  ["agent.changes"] = { "agent.journal", "native", "snapshots" },
  ["agent.gate"] = { "agent.journal", "files", "native" },
  ["agent.init"] = {
    "agent.changes", "agent.responder", "agent.settings", "agent.sweeper", "files", "incidents", "native",
  },
  ["agent.journal"] = { "files" },
  ["agent.ledger"] = { "agent.pseudonyms", "files", "native" },
  ["agent.operations"] = { "entities", "native" },
  ["agent.planner"] = {},
  ["agent.pseudonyms"] = { "files", "native" },
  ["agent.responder"] = {
    "actions", "admin", "agent.gate", "agent.journal", "agent.ledger", "agent.operations", "agent.planner",
    "commands", "deck", "effect", "files",
  },
  ["agent.settings"] = {},
  ["agent.sweeper"] = { "admin", "agent.journal" },
  action_list = { "files" },
  api = { "action_list", "commands", "deck", "incidents", "status" },
  cdef = {},
  commands = {},
  config_check = { "native" },
  deck = {},
  effect = { "native" },
  entities = {},
  files = {},
  guard = { "native" },
  guards = {},
  handler = { "agent", "guard", "inspection", "native", "outcome", "record", "request", "response", "worker" },
  headers = {},
  incidents = { "names", "native" },
  inspection = { "guard", "native", "request" },
  names = {},
  native = { "cdef", "headers" },
  outcome = {},
  record = {},
  request = { "native" },
  response = { "native" },
  schema = { "config_check", "schema_response" },
  schema_response = {},
  snapshots = { "entities", "files" },
  status = { "action_list", "guard", "native", "request" },
  status_api = { "api" },
  worker = { "files", "native" },
}


local function name_of(path)
  return path:match("/threat%-agent/(.+)%.lua$"):gsub("/", ".")
end


local function requires(path)
  local found = {}
  for name in plugin.read(path):gmatch('"kong%.plugins%.threat%-agent%.([%w_%.]+)"') do
    found[#found + 1] = name
  end

  table.sort(found)
  return found
end


describe("the plugin's modules", function()
  for _, path in ipairs(plugin.lua_files(FOLDER)) do
    it(name_of(path) .. " requires what it may", function()
      assert.same(ARROWS[name_of(path)], requires(path))
    end)

    it(name_of(path) .. " leaves the FFI to native and headers", function()
      local uses = plugin.read(path):find('require "ffi"', 1, true) ~= nil
      assert.equal(name_of(path) == "native" or name_of(path) == "headers", uses)
    end)
  end

  it("the handler is phases only, under 80 lines", function()
    local _, lines = plugin.read(FOLDER .. "/handler.lua"):gsub("\n", "")
    assert.is_true(lines <= 80, lines .. " lines")
  end)
end)


describe("the version", function()
  local cargo = plugin.read("Cargo.toml"):match('version = "([%d%.]+)"')

  it("of the cdef is Cargo's", function()
    assert.equal(cargo, dofile(plugin.repo .. "/" .. FOLDER .. "/cdef.lua").version)
  end)

  it("of the handler is the cdef's", function()
    assert.matches("VERSION = native.VERSION", plugin.read(FOLDER .. "/handler.lua"), 1, true)
    assert.matches("VERSION = cdef.version", plugin.read(FOLDER .. "/native.lua"), 1, true)
  end)

  it("of the rockspec is Cargo's", function()
    assert.matches('version = "' .. cargo .. "-1\"", plugin.read("kong-plugin-threat-agent-" .. cargo .. "-1.rockspec"), 1, true)
  end)

  it("of the library that is built is Cargo's", function()
    assert.matches(cargo, (plugin.cli("--version")), 1, true)
  end)
end)
