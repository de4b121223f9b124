-- The arrows between the plugin's files, and versions that must be equal.


local plugin = require "spec.support.plugin"


local PLUGINS = "lua/kong/plugins"
local FOLDER = PLUGINS .. "/threat-agent"


-- Which of the plugin's modules each one may require. A module that is missing here is new:
-- give it a line, and think of the arrow's direction.
local ARROWS = {
  ["actions.allow"] = { "senders" },
  ["actions.ban"] = { "effect", "senders" },
  ["actions.circuit_breaker"] = { "action_list", "actions.plugins", "agent.breaker", "effect", "senders" },
  ["actions.concurrency_cap"] = { "action_list", "actions.plugins", "agent.concurrency", "senders" },
  ["actions.deny_consumer"] = { "actions.plugins", "senders" },
  ["actions.disable_plugin"] = { "actions.plugins", "guards" },
  ["actions.drain_target"] = {},
  ["actions.hot_patch"] = { "actions.plugins", "actions.templates" },
  ["actions.init"] = {
    "actions.allow", "actions.ban", "actions.circuit_breaker", "actions.concurrency_cap", "actions.deny_consumer",
    "actions.disable_plugin", "actions.drain_target", "actions.hot_patch", "actions.ip_restriction",
    "actions.rate_limiting", "actions.request_termination", "actions.reroute", "actions.restrict_route",
    "actions.rollback", "actions.throttle", "native",
  },
  ["actions.ip_restriction"] = { "actions.plugins", "senders" },
  ["actions.plugins"] = {},
  ["actions.rate_limiting"] = { "actions.plugins", "actions.usual" },
  ["actions.request_termination"] = { "actions.plugins", "effect" },
  ["actions.reroute"] = { "effect" },
  ["actions.restrict_route"] = { "effect" },
  ["actions.rollback"] = { "entities", "guards", "snapshots" },
  ["actions.templates"] = {},
  ["actions.throttle"] = { "actions.ban", "actions.usual" },
  ["actions.usual"] = { "native" },
  ["admin.dbless"] = { "admin.http" },
  ["admin.http"] = {},
  ["admin.init"] = { "admin.dbless", "admin.http", "admin.traditional" },
  ["admin.traditional"] = { "admin.http" },
  ["agent.breaker"] = { "agent.limit", "native" },
  ["agent.changes"] = { "agent.journal", "agent.reviewer", "native", "snapshots" },
  ["agent.concurrency"] = { "agent.limit", "baselines", "native" },
  ["agent.events"] = { "notifiers.summary", "redact" },
  ["agent.gate"] = { "agent.journal", "files", "native", "owners", "senders" },
  ["agent.grouping"] = {},
  ["agent.init"] = {
    "agent.changes", "agent.notices", "agent.responder", "agent.settings", "agent.sweeper", "files", "incidents",
    "native", "tally", "traffic_history",
  },
  ["agent.journal"] = { "files" },
  ["agent.ledger"] = { "agent.pseudonyms", "files", "native" },
  ["agent.life"] = {
    "admin", "agent.breaker", "agent.concurrency", "agent.gate", "agent.journal", "agent.ledger",
    "agent.operations", "deck", "effect", "files", "tally",
  },
  ["agent.limit"] = { "native" },
  ["agent.notices"] = {
    "agent.events", "agent.grouping", "agent.journal", "agent.ledger", "agent.outbox", "feedback", "files",
    "stores",
  },
  ["agent.operations"] = { "entities", "native" },
  ["agent.operator"] = { "agent.journal", "native", "senders" },
  ["agent.orders"] = { "agent.gate", "agent.journal", "agent.life", "agent.operator", "agent.trainer", "commands" },
  ["agent.outbox"] = { "notifiers" },
  ["agent.planner"] = {},
  ["agent.proposals"] = { "actions", "admin", "agent.gate", "agent.journal", "agent.life", "effect" },
  ["agent.pseudonyms"] = { "files", "native" },
  ["agent.responder"] = {
    "agent.journal", "agent.ledger", "agent.life", "agent.orders", "agent.planner", "agent.proposals", "feedback",
  },
  ["agent.reviewer"] = { "config_review", "findings" },
  ["agent.settings"] = {},
  ["agent.sweeper"] = { "admin", "agent.journal" },
  ["agent.trainer"] = { "feedback", "files" },
  ["config_review.criteria"] = {},
  ["config_review.init"] = {
    "config_review.orphaned", "config_review.shadowed", "config_review.standing", "config_review.unauthenticated",
    "entities",
  },
  ["config_review.orphaned"] = { "config_review.standing" },
  ["config_review.shadowed"] = { "config_review.criteria" },
  ["config_review.standing"] = { "guards" },
  ["config_review.unauthenticated"] = { "config_review.standing", "guards" },
  ["dashboard.entrance"] = {},
  ["dashboard.handler"] = { "dashboard.entrance", "dashboard.service", "native" },
  ["dashboard.page"] = { "dashboard.script", "dashboard.style" },
  ["dashboard.schema"] = {},
  ["dashboard.script"] = {},
  ["dashboard.service"] = { "dashboard.page", "native", "views" },
  ["dashboard.style"] = {},
  ["migrations.000_base_threat_agent"] = {},
  ["migrations.init"] = {},
  ["notifiers.email"] = { "notifiers.smtp", "notifiers.summary" },
  ["notifiers.gateway"] = { "notifiers.webhook" },
  ["notifiers.http"] = {},
  ["notifiers.init"] = {
    "notifiers.email", "notifiers.gateway", "notifiers.pagerduty", "notifiers.slack", "notifiers.syslog",
    "notifiers.webhook",
  },
  ["notifiers.pagerduty"] = { "notifiers.http", "notifiers.summary" },
  ["notifiers.signature"] = { "native" },
  ["notifiers.slack"] = { "notifiers.http", "notifiers.summary" },
  ["notifiers.smtp"] = {},
  ["notifiers.summary"] = {},
  ["notifiers.syslog"] = { "notifiers.summary" },
  ["notifiers.webhook"] = { "notifiers.http", "notifiers.signature" },
  ["stores.init"] = { "stores.memory", "stores.postgres", "stores.redis" },
  ["stores.memory"] = { "files", "incidents" },
  ["stores.postgres"] = { "native" },
  ["stores.redis"] = {},
  ["views.actions"] = { "action_list", "agent.settings", "commands", "deck" },
  ["views.allow"] = { "action_list", "views.actions", "views.whom" },
  ["views.bans"] = { "action_list", "native", "views.actions", "views.whom" },
  ["views.export"] = { "agent.settings", "stores" },
  ["views.feedback"] = { "feedback", "redact", "views.actions", "views.incidents" },
  ["views.incidents"] = { "action_list", "feedback", "incidents" },
  ["views.init"] = {
    "metrics", "status", "views.actions", "views.allow", "views.bans", "views.export", "views.feedback",
    "views.incidents", "views.notifications", "views.overview", "views.review",
  },
  ["views.notifications"] = { "agent.notices", "agent.settings" },
  ["views.overview"] = {
    "action_list", "busy", "dry_run", "feedback", "findings", "status", "traffic_history", "views.bans",
    "views.incidents",
  },
  ["views.review"] = { "config_review", "findings", "operations" },
  ["views.whom"] = { "native", "redact", "senders" },
  action_list = { "files" },
  api = { "views" },
  audit = { "agent.settings", "notifiers.signature" },
  baselines = { "files" },
  busy = { "baselines", "native" },
  cdef = {},
  commands = {},
  config_check = { "native" },
  configuration = { "agent.settings", "redact" },
  daos = {},
  deck = {},
  dry_run = { "tally" },
  effect = { "native", "senders" },
  entities = {},
  feedback = { "files" },
  files = {},
  findings = { "config_review", "files" },
  guard = { "native" },
  guards = {},
  handler = {
    "agent", "audit", "guard", "inspection", "native", "prometheus", "record", "request", "response", "worker",
  },
  headers = {},
  incidents = { "findings", "names", "native" },
  inspection = { "guard", "native", "outcome", "request" },
  metrics = {
    "action_list", "agent.notices", "agent.settings", "config_review", "feedback", "findings", "incidents",
    "native", "status", "tally",
  },
  names = { "redact" },
  native = { "cdef", "headers" },
  operations = { "files", "names" },
  outcome = { "native" },
  owners = {},
  prometheus = { "metrics" },
  record = { "span", "tally" },
  redact = {},
  request = { "native" },
  response = { "native" },
  schema = { "config_check", "schema_notifications", "schema_payload", "schema_response", "schema_store" },
  schema_notifications = {},
  schema_payload = {},
  schema_response = {},
  schema_store = {},
  self_test = { "native" },
  senders = {},
  snapshots = { "entities", "files", "redact" },
  span = {},
  status = { "action_list", "baselines", "configuration", "guard", "native", "request", "self_test", "tally" },
  status_api = { "api", "status" },
  tally = { "native" },
  traffic_history = { "native" },
  worker = { "files", "native", "self_test" },
}


-- The plugin's own modules by their name, the dashboard's with `dashboard.` before it.
local function short(plugin_name, module)
  return (plugin_name == "threat-agent" and "" or "dashboard.") .. module:gsub("/", ".")
end


local function name_of(path)
  return short(path:match("/kong/plugins/([^/]+)/(.+)%.lua$"))
end


local function requires(path)
  local found = {}
  for plugin_name, module in plugin.read(path):gmatch('"kong%.plugins%.(threat%-agent[%-%l]*)%.([%w_%.]+)"') do
    found[#found + 1] = short(plugin_name, module)
  end

  table.sort(found)
  return found
end


describe("the plugin's modules", function()
  for _, path in ipairs(plugin.lua_files(PLUGINS)) do
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
