-- The schema of `config.notifications`: who is told of incidents and actions. Pure data.

local fields = require "kong.plugins.threat-agent.schema_fields"
local vocabulary = require "kong.plugins.threat-agent.vocabulary"


local secret = fields.secret
local whole = fields.whole


local TYPES = { "slack", "webhook", "pagerduty", "email", "syslog", "gateway" }

local PARTS = { "clients", "consumers", "reasons", "references", "suspect_change" }

local URL = {
  patterns = { "^https?://[%w%.%-_%[%]:]+/?%S*$" },
  err = "expected a URL that begins with http:// or https://",
}
local ADDRESS = { patterns = { "^[^%s<>@]+@[^%s<>@]+$" }, err = "expected an email address" }


local function only(kind, field)
  return { conditional = { if_field = "type", if_match = { eq = kind },
                           then_field = field, then_match = { required = true } } }
end


local channel = {
  type = "record",
  fields = {
    { name = { description = "In logs and in the status; the type when not given.", type = "string", len_max = 64,
               match = "^[%w%-_%.]+$" } },
    { type = { type = "string", required = true, one_of = TYPES } },
    { enabled = { type = "boolean", required = true, default = true } },
    { min_severity = { description = "Instead of the one for all.", type = "string", one_of = vocabulary.SEVERITIES } },
    { categories = { description = "Instead of those for all.", type = "set",
                     elements = { type = "string", one_of = vocabulary.CATEGORIES } } },
    { omit = { description = "Parts of an incident that this channel does not get.", type = "set", required = true,
               default = {}, elements = { type = "string", one_of = PARTS } } },
    { only = { description = "Fields of an incident that this channel gets besides id, category, status, severity, title "
                              .. "and times; all when not given.",
               type = "set", len_max = 64, elements = { type = "string", len_max = 64, match = "^[%l_]+$" } } },
    { template = { description = "One line instead of the title; {incident.title} and the like are filled in.",
                   type = "string", len_min = 1, len_max = 1024 } },
    { ledger_head_s = { description = "Least time between two heads of the ledger told to this channel; 0: none.",
                        type = "integer", between = { 0, 604800 }, required = true, default = 0 } },
    { timeout_ms = whole("Of each step of an exchange.", 100, 60000, 5000) },
    { ssl_verify = { type = "boolean", required = true, default = true } },
    { url = { description = "slack: the incoming webhook; webhook: where to POST; gateway: the audit route; "
                            .. "pagerduty: another endpoint than PagerDuty's.",
              type = "string", len_max = 1024, match_any = URL, referenceable = true, encrypted = true } },
    { token = secret("slack: a bot token, for threads instead of an incoming webhook.") },
    { channel = { description = "slack: the channel's id, with a bot token.", type = "string", len_max = 128,
                  match = "^[%w#@%-_]+$" } },
    { secret = secret("webhook, gateway: key of the signature.") },
    { routing_key = secret("pagerduty: the integration's key.") },
    { host = { description = "email, syslog: the server.", type = "string", len_max = 255, match = "^[%w%.%-_:]+$" } },
    { port = { description = "587 or 465 for email, 514 for syslog when not given.", type = "integer",
               between = { 1, 65535 } } },
    { transport = { description = "syslog: what carries it.", type = "string", required = true, default = "udp",
                    one_of = { "udp", "tcp" } } },
    { tls = { description = "email: how the connection is secured.", type = "string", required = true, default = "starttls",
              one_of = { "none", "starttls", "tls" } } },
    { username = secret("email: the account.") },
    { password = secret("email: its password.") },
    { from = { description = "email: the sender's address.", type = "string", len_max = 254,
               match_any = ADDRESS } },
    { to = { description = "email: the recipients' addresses.", type = "array", len_min = 1, len_max = 32,
             elements = { type = "string", len_max = 254, match_any = ADDRESS } } },
  },
  entity_checks = {
    { conditional_at_least_one_of = { if_field = "type", if_match = { eq = "slack" },
                                      then_at_least_one_of = { "url", "token" } } },
    { mutually_required = { "token", "channel" } },
    { mutually_required = { "username", "password" } },
    { conditional = { if_field = "tls", if_match = { eq = "none" },
                      then_field = "password", then_match = { len_eq = 0 },
                      then_err = "must not be given where tls is none: it would travel in clear text" } },
    { conditional = { if_field = "type", if_match = { eq = "pagerduty" },
                      then_field = "ledger_head_s", then_match = { eq = 0 },
                      then_err = "must be 0 for pagerduty: a head is no alert" } },
    only("webhook", "url"),
    only("gateway", "url"),
    only("gateway", "secret"),
    only("pagerduty", "routing_key"),
    only("email", "host"),
    only("email", "from"),
    only("email", "to"),
    only("syslog", "host"),
  },
}


return {
  type = "record",
  required = true,
  fields = {
    { enabled = { type = "boolean", required = true, default = true } },
    { dashboard_url = { description = "What links in messages lead to.", type = "string", len_max = 512, match_any = URL } },
    { min_severity = { description = "The least severity of incidents that are told.", type = "string", required = true,
                       default = "medium", one_of = vocabulary.SEVERITIES } },
    { categories = { description = "Of incidents that are told; empty: all.", type = "set", required = true, default = {},
                     elements = { type = "string", one_of = vocabulary.CATEGORIES } } },
    { rate_per_minute = whole("Most messages to a channel in a minute; what is more comes as one digest.", 2, 600, 6) },
    { update_interval_s = whole("Least time between updates on one incident of the same severity.", 10, 86400, 900) },
    { max_queued = whole("Most messages that wait for a channel.", 1, 10000, 200) },
    { max_retry_s = whole("How long a message is tried.", 1, 86400, 600) },
    { redact = { description = "Further names whose values are masked in texts.", type = "array", required = true,
                 default = {}, len_max = 64, elements = { type = "string", len_min = 1, len_max = 64,
                                                          match = "^[%w%-_%.]+$" } } },
    { channels = { type = "array", required = true, default = {}, len_max = 16, elements = channel } },
  },
}
