-- The schema of `config.response`: what the agent may do by itself. Pure data.

local check = require "kong.plugins.threat-agent.config_check"
local fields = require "kong.plugins.threat-agent.schema_fields"
local vocabulary = require "kong.plugins.threat-agent.vocabulary"


local whole = fields.whole


-- What changes entities, and so may be left to a companion.
local DELEGABLE = {
  "acl",
  "deny_consumer",
  "disable_credential",
  "disable_plugin",
  "divert_route",
  "drain_target",
  "hot_patch",
  "ip_restriction",
  "limit_consumer",
  "rate_limiting",
  "request_termination",
  "reroute",
  "restrict_route",
  "rollback",
}

local ACTIONS = {}
for _, list in ipairs({ vocabulary.IN_MEMORY, DELEGABLE }) do
  for _, name in ipairs(list) do
    ACTIONS[#ACTIONS + 1] = name
  end
end

local URL = {
  patterns = { "^https?://[%w%.%-_]+:?%d*/?%S*$" },
  err = "expected a URL that begins with http:// or https://",
}

local HOURS = { "^[01]?%d%-[01]?%d$", "^2[0-3]%-[01]?%d$", "^[01]?%d%-2[0-4]$", "^2[0-3]%-2[0-4]$" }


local function names(description)
  return { description = description, type = "array", required = true, default = {}, len_max = 1024,
           elements = { type = "string", len_min = 1, len_max = 256 } }
end


local step = {
  type = "record",
  fields = {
    { action = { type = "string", required = true, one_of = ACTIONS } },
    { after_s = whole("How long the incident must have been open.", 0, 86400, 0) },
    { ttl_s = whole("How long the action stands; 0 for ever (rollback only).", 0, 2592000, 600) },
    { verify_after_s = whole("When to look whether it helped.", 10, 3600, 30) },
    { target = { description = "What a plugin, a breaker or a cap is put on.", type = "string", required = true, default = "route",
                 one_of = { "route", "service" } } },
    { scope = { description = "Where a ban, tag, throttle or consumer's limit holds.", type = "string", required = true, default = "route",
                one_of = { "route", "service", "global" } } },
    { by = { description = "Who is banned, tagged or held to a limit.", type = "string", required = true,
             default = "client_ip", one_of = { "client_ip", "network", "consumer", "credential", "session" } } },
    { when = { description = "ban: refuses all, or what shows a sign of an attack.", type = "string", required = true,
               default = "always", one_of = { "always", "signal" } } },
    { suspicion = { description = "The least suspicion of clients that are banned or denied.", type = "string",
                    required = true, default = "high", one_of = { "low", "medium", "high" } } },
    { per_minute = { description = "rate_limiting: requests of one address; limit_consumer: of the consumer. Learned when "
                                   .. "not given.",
                     type = "integer", between = { 1, 1000000 } } },
    { limit = { description = "throttle: requests in a window; concurrency_cap: at once, to begin with. Learned when "
                              .. "not given.",
                type = "integer", between = { 1, 1000000 } } },
    { window_s = { description = "throttle: the sliding window.", type = "integer", required = true, default = 60,
                   one_of = { 1, 10, 60, 3600 } } },
    { good_ratio = { description = "circuit_breaker: waits until at most so many requests go well.", type = "number",
                     between = { 0, 1 }, required = true, default = 0.05 } },
    { status_code = whole("request_termination: the answer's status.", 100, 599, 503) },
    { message = { description = "request_termination, deny_consumer: the answer's message.", type = "string", len_max = 256 } },
    { url = { description = "reroute: the upstream to go to.", type = "string", len_max = 512,
              match_any = URL } },
    { clients = { description = "allow: addresses, and networks (/24 of IPv4, /56 of IPv6).", type = "array",
                  len_min = 1, len_max = 256,
                  elements = { type = "string", match_any = {
                    patterns = { "^[%d.]+$", "^[%d.]+/24$", "^[%x:]+$", "^[%x:]+/56$" },
                    err = "expected an address, or a network of /24 or /56",
                  } } } },
    { to_service = { description = "divert_route: the service to go to, by id or name.", type = "string", len_min = 1,
                     len_max = 256 } },
    { methods = { description = "restrict_route: the methods that are left.", type = "array", len_min = 1,
                  elements = { type = "string", match = "^[A-Z]+$" } } },
    { hosts = { description = "restrict_route: the hosts that are left.", type = "array", len_min = 1, len_max = 256,
                elements = { type = "string", len_max = 256, match = "^[%w%-_%.%*:]+$" } } },
    { headers = { description = "restrict_route: headers that must come, each with one of its values.", type = "map",
                  len_min = 1, len_max = 64,
                  keys = { type = "string", len_max = 256, match = "^[%w%-_]+$", not_one_of = { "Host", "host" } },
                  values = { type = "array", len_min = 1, len_max = 256,
                             elements = { type = "string", len_min = 1, len_max = 256 } } } },
    { plugin = { description = "disable_plugin: the plugin's name.", type = "string", len_max = 64 } },
    { upstream_target = { description = "drain_target: the target, as host:port.", type = "string", len_max = 256 } },
    { template = { description = "hot_patch: a vetted template, or one of `templates`.", type = "string", len_max = 64 } },
    { parameter = { description = "hot_patch: the template's parameter.", type = "string", len_min = 1,
                    len_max = 256 } },
  },
  entity_checks = {
    -- What stands for ever nobody takes back, should this node be lost.
    { conditional = { if_field = "ttl_s", if_match = { eq = 0 },
                      then_field = "action", then_match = { eq = "rollback" } } },
    { conditional = { if_field = "action", if_match = { eq = "allow" },
                      then_field = "clients", then_match = { required = true } } },
    { conditional = { if_field = "action", if_match = { eq = "reroute" },
                      then_field = "url", then_match = { required = true } } },
    { conditional = { if_field = "action", if_match = { eq = "disable_plugin" },
                      then_field = "plugin", then_match = { required = true } } },
    { conditional = { if_field = "action", if_match = { eq = "drain_target" },
                      then_field = "upstream_target", then_match = { required = true } } },
    { conditional = { if_field = "action", if_match = { eq = "divert_route" },
                      then_field = "to_service", then_match = { required = true } } },
    { conditional = { if_field = "action", if_match = { eq = "hot_patch" },
                      then_field = "template", then_match = { required = true } } },
    { conditional = { if_field = "action", if_match = { eq = "hot_patch" },
                      then_field = "parameter", then_match = { required = true } } },
  },
}


local policy = {
  type = "record",
  fields = {
    { id = { type = "string", required = true, len_max = 64, match = "^[%w%-_%.]+$" } },
    { categories = { description = "Empty: all.", type = "set", required = true, default = {},
                     elements = { type = "string", one_of = vocabulary.CATEGORIES } } },
    { min_severity = { type = "string", required = true, default = "medium",
                       one_of = { "low", "medium", "high", "critical" } } },
    { min_confidence = { type = "number", between = { 0, 1 }, required = true, default = 0.7 } },
    { routes = names("Ids or names; empty: all.") },
    { services = names("Ids or names; empty: all.") },
    { consumers = names("Ids or usernames of which the incident names one; empty: all.") },
    { hours = { description = "Hours of the day in UTC, such as 22-6; always when not given.", type = "string",
                match_any = { patterns = HOURS, err = "expected two hours of the day, such as 22-6" } } },
    { approval = { type = "string", required = true, default = "automatic", one_of = { "automatic", "required" } } },
    { steps = { type = "array", required = true, len_min = 1, len_max = 16, elements = step } },
  },
}


-- What is done where nothing is configured: named clients are banned on their route; a change
-- that broke a route is proposed to be taken back.
local DEFAULT_POLICIES = {
  {
    id = "suspects",
    categories = { "api_ddos", "credential_stuffing", "abuse", "payload_injection" },
    min_severity = "medium",
    min_confidence = 0.7,
    steps = { { action = "ban", ttl_s = 600, suspicion = "high" } },
  },
  {
    id = "broken-change",
    categories = { "route_misconfiguration" },
    min_severity = "medium",
    min_confidence = 0.5,
    approval = "required",
    steps = { { action = "rollback", ttl_s = 0 } },
  },
}


return {
  type = "record",
  required = true,
  custom_validator = check.response,
  fields = {
    { enabled = { type = "boolean", required = true, default = true } },
    { kill_switch = { description = "Takes back all that the agent did; it does nothing more.", type = "boolean", required = true,
                      default = false } },
    { policies = { type = "array", required = true, default = DEFAULT_POLICIES, len_max = 64, elements = policy } },
    { budget = { type = "record", required = true, fields = {
      { per_minute = whole("Most changes of the configuration in a minute.", 0, 1000, 10) },
      { per_hour = whole("Most changes of the configuration in an hour.", 0, 10000, 60) },
      { active = whole("Most changes that stand at once.", 0, 1000, 50) },
      { workspace_ratio = { description = "The share of each that one workspace may spend.", type = "number",
                            between = { 0, 1 }, required = true, default = 1 } },
      { workspaces = { description = "The share of those named here, by id or name.", type = "map", required = true,
                       default = {}, len_max = 1024, keys = { type = "string", len_min = 1, len_max = 128 },
                       values = { type = "number", between = { 0, 1 } } } },
      { memory = { description = "The same of what changes no entity: bans, limits, exemptions.", type = "record",
                   required = true, fields = {
        { per_minute = whole("Most actions in memory in a minute.", 0, 1000, 30) },
        { per_hour = whole("Most actions in memory in an hour.", 0, 10000, 300) },
        { active = whole("Most actions in memory that stand at once.", 0, 1000, 100) },
      } } },
    } } },
    { blast_radius = { type = "record", required = true, fields = {
      { good_ratio = { description = "Most of a route's well answered requests that an action may refuse.",
                       type = "number", between = { 0, 1 }, required = true, default = 0.05 } },
      { consumer_ratio = { description = "Most of all consumers that may stand refused at once; one may in any case.",
                           type = "number", between = { 0, 1 }, required = true, default = 0.05 } },
      { route_ratio = { description = "Most of all routes that actions may hold on for all who go there; five may in any case.",
                        type = "number", between = { 0, 1 }, required = true, default = 0.5 } },
    } } },
    { protected = { type = "record", required = true, fields = {
      { cidrs = { type = "array", required = true, default = { "127.0.0.0/8", "::1" }, len_max = 1024,
                  elements = { type = "string", match = "^[%x:.]+/?%d*$" } } },
      { routes = names("Ids or names.") },
      { services = names("Ids or names.") },
      { consumers = names("Ids or usernames; their credentials, too.") },
      { tags = names("Entities with one of these tags are left alone.") },
    } } },
    { templates = { description = "Mitigations of your own for hot_patch.", type = "array", required = true, default = {},
                    len_max = 64, elements = { type = "record", fields = {
      { name = { type = "string", required = true, len_max = 64, match = "^[%w_%-]+$" } },
      { code = { description = "Lua for Kong's pre-function; {{parameter}} becomes a literal.", type = "string",
                 required = true, len_min = 1, len_max = 8192 } },
    } } } },
    { admin_api = { type = "record", required = true, fields = {
      { url = { description = "This node's own when not given; for a data plane, its control plane's.", type = "string",
                len_max = 512, match_any = URL } },
      { writes = { description = "`apply` them, or hand them out as decK files (`patch`).", type = "string",
                   required = true, default = "apply", one_of = { "apply", "patch" } } },
      { token = { description = "RBAC or Konnect token.", type = "string", referenceable = true, encrypted = true } },
      { control_plane_id = { description = "Konnect's: then `url` is the region's, such as https://eu.api.konghq.com.",
                             type = "string", match = "^%x+%-%x+%-%x+%-%x+%-%x+$" } },
      { client_certificate = fields.secret("PEM of what this node shows to an Admin API that asks for a certificate.") },
      { client_key = fields.secret("PEM of its key.") },
      { workspace = { description = "Where the default workspace's entities are, if not at the Admin API's root.",
                      type = "string", len_max = 128, match = "^[%w%-_%.~]+$" } },
      { timeout_ms = whole("Of each step of an exchange.", 100, 60000, 5000) },
      { ssl_verify = { type = "boolean", required = true, default = true } },
    }, entity_checks = {
      { mutually_required = { "client_certificate", "client_key" } },
    } } },
    { responder = { description = "Who changes entities: this node by `admin_api`, or its companion.", type = "string",
                    required = true, default = "local", one_of = { "local", "companion" } } },
    { companion = { type = "record", required = true, fields = {
      { url = { description = "The companion's Status or Admin listener.", type = "string", len_max = 512, match_any = URL } },
      { key = { description = "What both sign with.", type = "string", len_min = 16, referenceable = true,
                encrypted = true } },
      { timeout_ms = whole("Of each step of an exchange.", 1000, 60000, 10000) },
      { ssl_verify = { type = "boolean", required = true, default = true } },
      { accepts = { description = "What this node, as a companion, does for others; empty: nothing.", type = "set",
                    required = true, default = {}, elements = { type = "string", one_of = DELEGABLE } } },
      { least_per_minute = whole("A limit that a data plane has learned counts as this at least.", 1, 1000000, 60) },
    } } },
    { history_folder = { description = "decK files of what the configuration was, the latest last by name.", type = "string",
                         len_max = 512,
                         match_any = { patterns = { "^/" }, err = "expected an absolute path" } } },
    { ledger_key = { description = "Key of the ledger's hashes.", type = "string", referenceable = true,
                     encrypted = true } },
  },
  entity_checks = {
    { conditional = { if_field = "admin_api.control_plane_id", if_match = { required = true },
                      then_field = "admin_api.url", then_match = { required = true } } },
    { conditional = { if_field = "responder", if_match = { eq = "companion" },
                      then_field = "companion.url", then_match = { required = true } } },
    { conditional = { if_field = "responder", if_match = { eq = "companion" },
                      then_field = "companion.key", then_match = { required = true } } },
  },
}
