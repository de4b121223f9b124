-- The schema of `config.store`: where incidents and ledger lines are kept beyond this node's memory.
-- Pure data. The fields of `redis` are those of Kong's own Redis record.

local fields = require "kong.plugins.threat-agent.schema_fields"


local secret = fields.secret
local whole = fields.whole


return {
  type = "record",
  required = true,
  fields = {
    { type = { description = "memory: this node's region; postgres: Kong's own database.", type = "string",
               required = true, default = "memory", one_of = { "memory", "redis", "postgres" } } },
    { retention_s = whole("How long an incident is kept after its last change.", 60, 100000000, 2592000) },
    { authorized_stores = { description = "The types that may be chosen: what leaves the node goes nowhere else.",
                            type = "set", required = true, default = { "memory", "redis", "postgres" },
                            elements = { type = "string", one_of = { "memory", "redis", "postgres" } } } },
    { only = { description = "Fields of an incident that the store gets besides id, category, status, severity, title "
                              .. "and times; all when not given.",
               type = "set", len_max = 64, elements = { type = "string", len_max = 64, match = "^[%l_]+$" } } },
    { max_entries = whole("redis: most entries of a stream.", 100, 10000000, 100000) },
    { max_queued = whole("Most entries that wait while the store is down.", 1, 100000, 2000) },
    { max_retry_s = whole("How long an entry is tried.", 1, 86400, 600) },
    { redis = { type = "record", required = true, fields = {
      { host = { description = "The Redis server's host.", type = "string", len_max = 255, match = "^[%w%.%-_:]+$" } },
      { port = { type = "integer", between = { 1, 65535 }, required = true, default = 6379 } },
      { timeout = whole("Of each step of an exchange. Units: milliseconds.", 1, 60000, 2000) },
      { username = { description = "An account of Redis 6 and later.", type = "string", referenceable = true } },
      { password = secret("The account's, or the server's.") },
      { database = { type = "integer", between = { 0, 1048576 }, required = true, default = 0 } },
      { ssl = { type = "boolean", required = true, default = false } },
      { ssl_verify = { type = "boolean", required = true, default = false } },
      { server_name = { description = "What its certificate names.", type = "string", len_max = 255 } },
      { prefix = { description = "What the names of the streams begin with.", type = "string", required = true,
                   default = "threat-agent", len_min = 1, len_max = 128, match = "^[%w%-_%.:{}]+$" } },
    } } },
  },
  entity_checks = {
    { conditional = { if_field = "type", if_match = { eq = "redis" },
                      then_field = "authorized_stores", then_match = { contains = "redis" } } },
    { conditional = { if_field = "type", if_match = { eq = "postgres" },
                      then_field = "authorized_stores", then_match = { contains = "postgres" } } },
    { conditional = { if_field = "type", if_match = { eq = "redis" },
                      then_field = "redis.host", then_match = { required = true } } },
  },
}
