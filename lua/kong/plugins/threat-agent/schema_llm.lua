-- The schema of `config.llm`: a language model behind Kong AI Gateway that gives its opinion of
-- incidents. Pure data.

local fields = require "kong.plugins.threat-agent.schema_fields"
local vocabulary = require "kong.plugins.threat-agent.vocabulary"


local secret = fields.secret
local whole = fields.whole


return {
  type = "record",
  required = true,
  fields = {
    { enabled = { type = "boolean", required = true, default = false } },
    { url = { description = "A chat endpoint in OpenAI's format, such as a route with ai-proxy.", type = "string",
              match = "^https?://[%w%.%-_:%[%]]+[%w%.%-_~/%%:?&=+]*$", len_max = 2048, referenceable = true } },
    { model = { description = "Sent as `model`; not sent when not given, as ai-proxy wants it.", type = "string",
                len_min = 1, len_max = 256 } },
    { header_name = { description = "The header that carries the key.", type = "string", required = true,
                      default = "Authorization", match = "^[%w%-_]+$", len_max = 128 } },
    { token = secret("What is in it, such as `Bearer …`.") },
    { timeout_ms = whole("Of each step of an exchange.", 100, 600000, 30000) },
    { ssl_verify = { type = "boolean", required = true, default = true } },
    { min_severity = { description = "The least severity of incidents that it is asked about.", type = "string",
                       required = true, default = "medium", one_of = vocabulary.SEVERITIES } },
    { categories = { description = "Of those incidents; empty: all.", type = "set", required = true, default = {},
                     elements = { type = "string", one_of = vocabulary.CATEGORIES } } },
    { per_hour = whole("Most questions in an hour.", 1, 10000, 30) },
    { weight = { description = "How far an opinion that there is no attack lowers the confidence of an incident; 0: not at all.",
                 type = "number", required = true, default = 0, between = { 0, 0.5 } } },
  },
  entity_checks = {
    { conditional = { if_field = "enabled", if_match = { eq = true }, then_field = "url", then_match = { required = true } } },
  },
}
