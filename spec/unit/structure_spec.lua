-- The arrows between the plugin's files, and versions that must be equal.


local plugin = require "spec.support.plugin"


local PLUGINS = "lua/kong/plugins"
local FOLDER = PLUGINS .. "/threat-agent"


-- Which of the plugin's modules each one may require. A module that is missing here is new:
-- give it a line, and think of the arrow's direction.
local ARROWS = {
  ["actions.acl"] = { "actions.consumers", "actions.plugins" },
  ["actions.allow"] = { "senders" },
  ["actions.ban"] = { "effect", "senders" },
  ["actions.circuit_breaker"] = { "action_list", "actions.plugins", "agent.breaker", "effect", "senders" },
  ["actions.concurrency_cap"] = { "action_list", "actions.plugins", "agent.concurrency", "senders" },
  ["actions.consumers"] = { "effect", "senders" },
  ["actions.deny_consumer"] = { "actions.consumers", "actions.plugins", "actions.termination" },
  ["actions.disable_credential"] = { "actions.plugins", "actions.templates", "effect", "senders" },
  ["actions.disable_plugin"] = { "actions.plugins", "guards" },
  ["actions.divert_route"] = { "database", "effect" },
  ["actions.drain_target"] = {},
  ["actions.hot_patch"] = { "actions.plugins", "actions.templates", "settings" },
  ["actions.init"] = {
    "actions.acl", "actions.allow", "actions.ban", "actions.circuit_breaker", "actions.concurrency_cap",
    "actions.deny_consumer", "actions.disable_credential", "actions.disable_plugin", "actions.divert_route",
    "actions.drain_target", "actions.hot_patch", "actions.ip_restriction", "actions.limit_consumer",
    "actions.rate_limiting", "actions.request_termination",
    "actions.reroute", "actions.restrict_route", "actions.rollback", "actions.tag", "actions.throttle", "region",
  },
  ["actions.ip_restriction"] = { "actions.plugins", "effect", "senders" },
  ["actions.limit_consumer"] = { "actions.consumers", "actions.usual", "database" },
  ["actions.offending"] = { "entities", "guards", "snapshots" },
  ["actions.plugins"] = { "actions.wider" },
  ["actions.precedence"] = { "config_review.criteria", "database" },
  ["actions.rate_limiting"] = { "actions.plugins", "actions.usual", "entities" },
  ["actions.request_termination"] = { "actions.plugins", "actions.termination", "effect" },
  ["actions.reroute"] = { "effect", "entities" },
  ["actions.restrict_route"] = { "actions.precedence", "effect", "entities" },
  ["actions.rollback"] = { "actions.offending", "entities" },
  ["actions.templates"] = {},
  ["actions.tag"] = { "actions.ban" },
  ["actions.termination"] = { "entities" },
  ["actions.throttle"] = { "actions.ban", "actions.usual" },
  ["actions.usual"] = { "region", "senders", "snapshots" },
  ["actions.wider"] = { "database" },
  ["admin.companion"] = { "admin.reach", "exchange", "random" },
  ["admin.dbless"] = { "admin.declarative", "elapsed", "entities" },
  ["admin.declarative"] = { "admin.http", "admin.reach", "elapsed", "entities", "yaml" },
  ["admin.http"] = { "admin.identity", "admin.reach", "lease" },
  ["admin.identity"] = {},
  ["admin.init"] = { "admin.dbless", "admin.http", "admin.konnect", "admin.traditional", "database" },
  ["admin.konnect"] = { "admin.http", "admin.traditional", "entities" },
  ["admin.reach"] = { "elapsed" },
  ["admin.replica"] = { "database" },
  ["admin.traditional"] = { "admin.http" },
  ["agent.access"] = { "agent.carrier", "database" },
  ["agent.anchor"] = { "agent.events", "agent.failing", "agent.ledger", "agent.outbox", "elapsed", "files", "region" },
  ["agent.assessor"] = {
    "agent.discretion", "agent.events", "baselines", "elapsed", "llm", "opinions", "tally", "vocabulary",
  },
  ["agent.bequest"] = { "agent.failing", "stores" },
  ["agent.blast_radius"] = { "agent.journal", "database", "owners", "snapshots", "vocabulary" },
  ["agent.breaker"] = { "agent.limit", "elapsed", "traffic_of" },
  ["agent.carrier"] = {
    "actions.usual", "admin", "admin.companion", "admin.reach", "admin.replica", "agent.bequest", "agent.operations",
    "agent.unsettled", "settings",
  },
  ["agent.chain"] = { "files" },
  ["agent.changes"] = { "agent.journal", "agent.reviewer", "elapsed", "region", "settings", "snapshots" },
  ["agent.concurrency"] = { "agent.limit", "baselines", "elapsed", "traffic_of" },
  ["agent.delegated"] = {
    "actions", "admin", "agent.carrier", "agent.gate", "agent.journal", "agent.life", "agent.planner", "agent.question",
    "commands", "elapsed", "settings", "vocabulary",
  },
  ["agent.discretion"] = { "notifiers.summary", "redact", "vocabulary" },
  ["agent.drifts"] = { "agent.events", "agent.notices", "names", "region", "vocabulary" },
  ["agent.events"] = { "notifiers.summary", "redact", "vocabulary" },
  ["agent.failing"] = {},
  ["agent.follower"] = { "agent.carrier", "agent.journal", "agent.life", "agent.watch", "effect" },
  ["agent.gate"] = {
    "agent.access", "agent.blast_radius", "agent.carrier", "agent.journal", "agent.overlap", "agent.protected",
    "database", "files", "vocabulary",
  },
  ["agent.grouping"] = { "elapsed", "vocabulary" },
  ["agent.init"] = {
    "agent.assessor", "agent.changes", "agent.drifts", "agent.last_conf", "agent.notices", "agent.responder",
    "agent.sweeper", "elapsed", "files", "given", "incidents", "lease", "region", "settings", "tally",
    "traffic_history",
  },
  ["agent.insertion"] = {},
  ["agent.journal"] = { "files", "lease", "vocabulary" },
  ["agent.last_conf"] = { "agent.journal", "files", "redact", "settings" },
  ["agent.ledger"] = { "agent.chain", "agent.failing", "agent.pseudonyms", "region" },
  ["agent.life"] = {
    "agent.carrier", "agent.failing", "agent.gate", "agent.journal", "agent.ledger", "deck", "effect", "files", "lease",
    "tally",
  },
  ["agent.limit"] = { "region" },
  ["agent.measures"] = { "agent.journal", "region", "vocabulary" },
  ["agent.notices"] = {
    "agent.anchor", "agent.discretion", "agent.events", "agent.failing", "agent.grouping", "agent.journal",
    "agent.ledger", "agent.outbox", "elapsed", "feedback", "files", "given", "judged", "opinions", "stores",
  },
  ["agent.operations"] = { "agent.insertion", "agent.measures", "entities" },
  ["agent.operator"] = { "agent.journal", "database", "region", "senders", "vocabulary" },
  ["agent.orders"] = {
    "actions", "agent.delegated", "agent.gate", "agent.journal", "agent.life", "agent.operator", "agent.trainer",
    "commands", "effect", "lease", "vocabulary",
  },
  ["agent.outbox"] = { "notifiers", "secrets" },
  ["agent.outcomes"] = { "agent.journal" },
  ["agent.overlap"] = { "agent.journal", "vocabulary" },
  ["agent.planner"] = { "owners", "vocabulary" },
  ["agent.proposals"] = {
    "actions", "agent.carrier", "agent.gate", "agent.journal", "agent.life", "agent.planner", "effect",
    "elapsed", "traffic_of_named",
  },
  ["agent.protected"] = { "agent.carrier", "database", "owners", "region", "senders" },
  ["agent.pseudonyms"] = { "files", "random", "region" },
  ["agent.question"] = { "redact" },
  ["agent.responder"] = {
    "agent.follower", "agent.journal", "agent.ledger", "agent.orders", "agent.outcomes", "agent.planner",
    "agent.proposals", "agent.unsettled", "elapsed", "judged", "settings", "vocabulary",
  },
  ["agent.reviewer"] = { "config_review", "findings" },
  ["agent.sweeper"] = {
    "admin", "agent.bequest", "agent.journal", "agent.operations", "agent.unsettled", "database", "elapsed",
  },
  ["agent.trainer"] = { "feedback", "files" },
  ["agent.unsettled"] = { "admin.reach", "agent.journal", "files" },
  ["agent.watch"] = {
    "agent.breaker", "agent.carrier", "agent.concurrency", "agent.measures", "effect", "elapsed", "tally",
  },
  ["config_review.criteria"] = {},
  ["config_review.init"] = {
    "config_review.orphaned", "config_review.shadowed", "config_review.standing", "config_review.unauthenticated",
    "entities",
  },
  ["config_review.orphaned"] = { "config_review.standing" },
  ["config_review.shadowed"] = { "config_review.criteria" },
  ["config_review.standing"] = { "guards" },
  ["config_review.unauthenticated"] = { "config_review.standing", "entities", "guards" },
  ["dashboard.entrance"] = {},
  ["dashboard.handler"] = { "dashboard.entrance", "dashboard.service", "library" },
  ["dashboard.page"] = { "dashboard.script", "dashboard.style" },
  ["dashboard.schema"] = {},
  ["dashboard.script"] = {},
  ["dashboard.service"] = { "dashboard.page", "library", "views" },
  ["dashboard.style"] = {},
  ["migrations.000_base_threat_agent"] = {},
  ["migrations.init"] = {},
  ["notifiers.email"] = { "given", "notifiers.smtp", "notifiers.summary" },
  ["notifiers.gateway"] = { "notifiers.webhook" },
  ["notifiers.http"] = {},
  ["notifiers.init"] = {
    "notifiers.email", "notifiers.gateway", "notifiers.pagerduty", "notifiers.slack", "notifiers.syslog",
    "notifiers.webhook",
  },
  ["notifiers.pagerduty"] = { "notifiers.http", "notifiers.summary" },
  ["notifiers.signature"] = { "region" },
  ["notifiers.slack"] = { "given", "notifiers.http", "notifiers.summary" },
  ["notifiers.smtp"] = {},
  ["notifiers.summary"] = {},
  ["notifiers.syslog"] = { "given", "notifiers.summary" },
  ["notifiers.webhook"] = { "notifiers.http", "notifiers.signature" },
  ["stores.init"] = { "stores.memory", "stores.postgres", "stores.redis" },
  ["stores.memory"] = { "files", "incidents" },
  ["stores.postgres"] = { "region" },
  ["stores.redis"] = { "elapsed", "given" },
  ["views.actions"] = { "action_list", "commands", "deck", "files", "library", "settings" },
  ["views.allow"] = { "action_list", "database", "views.actions", "views.whom", "vocabulary" },
  ["views.bans"] = { "action_list", "library", "region", "senders", "views.actions", "views.whom", "vocabulary" },
  ["views.baselines"] = { "baselines", "views.paging" },
  ["views.export"] = { "settings", "stores" },
  ["views.feedback"] = { "feedback", "redact", "views.actions", "views.incidents" },
  ["views.incidents"] = { "action_list", "incidents", "judged", "views.paging", "vocabulary" },
  ["views.init"] = {
    "metrics", "status", "views.actions", "views.allow", "views.bans", "views.baselines", "views.export",
    "views.feedback", "views.incidents", "views.notifications", "views.overview", "views.review",
  },
  ["views.notifications"] = { "agent.notices", "settings" },
  ["views.overview"] = {
    "action_list", "busy", "dry_run", "feedback", "findings", "operations", "status", "traffic_history",
    "views.bans", "views.incidents",
  },
  ["views.paging"] = {},
  ["views.review"] = { "config_review", "findings", "operations" },
  ["views.whom"] = { "entities", "library", "redact", "region", "senders" },
  action_list = { "files", "vocabulary" },
  answer = { "guard", "native" },
  api = { "companion", "views" },
  audit = { "notifiers.signature", "raw_body", "settings" },
  baselines = { "elapsed", "files", "vocabulary" },
  busy = { "baselines", "database", "elapsed", "given", "region", "senders" },
  cdef = {},
  commands = { "elapsed", "files" },
  companion = { "commands", "exchange", "raw_body", "settings" },
  config_check = { "actions.templates", "engines", "library" },
  configuration = { "redact", "settings" },
  daos = {},
  database = { "elapsed" },
  deck = {},
  deck_history = { "deck_reader", "entities" },
  deck_reader = { "yaml" },
  dry_run = { "tally" },
  effect = { "baselines", "snapshots", "traffic_of", "traffic_of_named" },
  elapsed = {},
  engines = { "library", "references" },
  entities = {},
  entity_copy = { "entities", "redact" },
  exchange = { "notifiers.signature" },
  feedback = { "files" },
  files = {},
  findings = { "config_review", "files" },
  given = {},
  guard = { "elapsed", "engines", "library" },
  guards = { "entities" },
  handler = {
    "agent", "answer", "audit", "guard", "inspection", "library", "prometheus", "record", "response",
    "worker",
  },
  incidents = { "findings", "library", "names", "region" },
  inspection = { "guard", "native", "outcome", "request" },
  judged = { "feedback", "opinions" },
  kong_3_4 = {},
  lease = { "region" },
  library = { "cdef" },
  llm = { "given", "notifiers.http", "notifiers.summary", "secrets", "vocabulary" },
  metrics = {
    "action_list", "agent.notices", "baselines", "config_review", "feedback", "findings", "incidents", "library",
    "native", "settings", "status", "tally", "vocabulary",
  },
  names = { "database", "entities", "given", "redact" },
  native = { "engines", "library", "vocabulary", "wire" },
  operations = { "elapsed", "files", "names" },
  opinions = { "files", "llm" },
  outcome = { "native", "wire" },
  owners = { "database" },
  prometheus = { "metrics" },
  random = {},
  raw_body = {},
  record = { "span", "tally" },
  redact = {},
  references = {},
  region = { "library", "vocabulary" },
  request = { "native", "wire" },
  response = { "native" },
  schema = {
    "config_check", "schema_llm", "schema_notifications", "schema_payload", "schema_response", "schema_store",
    "vocabulary",
  },
  schema_fields = {},
  schema_llm = { "schema_fields", "vocabulary" },
  schema_notifications = { "schema_fields", "vocabulary" },
  schema_payload = {},
  schema_response = { "config_check", "schema_fields", "vocabulary" },
  schema_store = { "schema_fields" },
  secrets = {},
  self_test = { "native" },
  senders = {},
  settings = { "entities" },
  snapshot_files = { "files" },
  snapshots = { "database", "deck_history", "entities", "entity_copy", "files", "snapshot_files" },
  span = {},
  status = {
    "action_list", "baselines", "configuration", "elapsed", "files", "guard", "library", "region", "request",
    "self_test", "tally",
  },
  status_api = { "api", "companion", "exchange", "status" },
  tally = { "native" },
  traffic_of = { "region", "senders", "snapshots" },
  traffic_of_named = { "region", "senders" },
  traffic_history = { "elapsed", "region" },
  vocabulary = {},
  wire = {},
  worker = { "files", "kong_3_4", "library", "region", "self_test" },
  yaml = {},
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


-- Who calls the native library, or nginx, by LuaJIT's FFI.
local CROSSING = { engines = true, library = true, native = true, region = true, wire = true }


describe("the plugin's modules", function()
  for _, path in ipairs(plugin.lua_files(PLUGINS)) do
    it(name_of(path) .. " requires what it may", function()
      assert.same(ARROWS[name_of(path)], requires(path))
    end)

    it(name_of(path) .. " leaves the FFI to those that cross the boundary", function()
      local uses = plugin.read(path):find('require "ffi"', 1, true) ~= nil
      assert.equal(CROSSING[name_of(path)] == true, uses)
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
    assert.matches("VERSION = library.VERSION", plugin.read(FOLDER .. "/handler.lua"), 1, true)
    assert.matches("VERSION = cdef.version", plugin.read(FOLDER .. "/library.lua"), 1, true)
  end)

  it("of the rockspec is Cargo's", function()
    assert.matches('version = "' .. cargo .. "-1\"", plugin.read("kong-plugin-threat-agent-" .. cargo .. "-1.rockspec"), 1, true)
  end)

  it("of the library that is built is Cargo's", function()
    assert.matches(cargo, (plugin.cli("--version")), 1, true)
  end)
end)
