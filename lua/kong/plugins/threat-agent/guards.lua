-- Which plugins guard a gateway: the agent neither switches them off nor undoes what was done to them.
-- A plugin that is not known to be harmless is taken for one: a function may authenticate, and a
-- termination may close what was found open.

local ipairs = ipairs
local pairs = pairs


local HARMLESS = {
  ["correlation-id"] = true,
  ["cors"] = true,
  ["file-log"] = true,
  ["http-log"] = true,
  ["prometheus"] = true,
  ["proxy-cache"] = true,
  ["request-transformer"] = true,
  ["response-transformer"] = true,
}


-- What else a plugin is to a route, by its name.
local ROLES = {
  -- Refuses whom it does not know.
  authenticates = {
    "basic-auth", "header-cert-auth", "hmac-auth", "jwt", "jwt-signer", "key-auth", "key-auth-enc", "ldap-auth",
    "ldap-auth-advanced", "mtls-auth", "oauth2", "oauth2-introspection", "openid-connect", "saml",
    "standard-webhooks", "vault-auth",
  },
  -- Answers everything by itself and hands out nothing that has to be guarded.
  closes = { "redirect", "request-termination", "threat-agent-dashboard" },
  -- Answers in a service's place.
  answers = { "ai-proxy", "ai-proxy-advanced", "aws-lambda", "azure-functions", "kafka-upstream", "mocking" },
  passes_on = {
    "acl", "acme", "ai-prompt-decorator", "ai-prompt-guard", "ai-prompt-template", "ai-request-transformer",
    "ai-response-transformer", "bot-detection", "canary", "correlation-id", "cors", "datadog", "exit-transformer",
    "file-log", "grpc-gateway", "grpc-web", "http-log", "injection-protection", "ip-restriction",
    "json-threat-protection", "kafka-log", "loggly", "oas-validation", "opentelemetry", "prometheus", "proxy-cache",
    "proxy-cache-advanced", "rate-limiting", "rate-limiting-advanced", "request-size-limiting",
    "request-transformer", "request-transformer-advanced", "request-validator", "response-ratelimiting",
    "response-transformer", "response-transformer-advanced", "session", "statsd", "statsd-advanced", "syslog",
    "tcp-log", "threat-agent", "udp-log", "upstream-oauth", "upstream-timeout", "xml-threat-protection", "zipkin",
  },
}


local role_of = {}
for role, names in pairs(ROLES) do
  for _, name in ipairs(names) do
    role_of[name] = role
  end
end


local _M = {}


function _M.is_guard(plugin_name)
  return not HARMLESS[plugin_name]
end


-- Tells what a plugin is to a route: authenticates, closes, answers, passes_on. nil where that cannot be
-- said: functions, and plugins that nobody here knows, may do any of it.
function _M.role(plugin_name)
  return role_of[plugin_name]
end


return _M
