-- Which plugins guard a gateway, and which fields of other entities: the agent neither switches them off nor
-- undoes what was done to them.
-- A plugin that is not known to be harmless is taken for one: a function may authenticate, and a
-- termination may close what was found open.

local entities = require "kong.plugins.threat-agent.entities"


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


local SECURE = { grpcs = true, https = true, tls = true, tls_passthrough = true, wss = true }


-- What becomes looser when a field that is to be set back was one thing and is another.

local function was_not_so_secure(was, is)
  return SECURE[is] and not SECURE[was]
end


local function is_set(_, is)
  return is ~= nil and is ~= false
end


local function is_closed(_, is)
  return is == false
end


-- Whether a list lets less through than it did; without one all is let through.
local function is_narrower(was, is)
  if is == nil or was == nil then
    return is ~= nil
  end

  for _, old in ipairs(was) do
    local is_left = false
    for _, new in ipairs(is) do
      is_left = is_left or entities.same(old, new)
    end
    if not is_left then
      return true
    end
  end

  return false
end


local LOOSENS = {
  routes = {
    destinations = is_narrower,
    expression = is_set,
    headers = is_set,
    hosts = is_narrower,
    methods = is_narrower,
    paths = is_narrower,
    protocols = is_narrower,
    snis = is_narrower,
    sources = is_narrower,
  },
  services = {
    ca_certificates = is_set,
    client_certificate = is_set,
    enabled = is_closed,
    protocol = was_not_so_secure,
    tls_verify = is_set,
    tls_verify_depth = is_set,
  },
  upstreams = { client_certificate = is_set },
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


-- Whether setting an entity back would loosen whom or what it lets through, or how well that is secured.
function _M.loosens(kind, was, is)
  for field, loosens in pairs(LOOSENS[kind] or {}) do
    if not entities.same(was[field], is[field]) and loosens(was[field], is[field]) then
      return true
    end
  end

  return false
end


-- Tells what a plugin is to a route: authenticates, closes, answers, passes_on. nil where that cannot be
-- said: functions, and plugins that nobody here knows, may do any of it.
function _M.role(plugin_name)
  return role_of[plugin_name]
end


return _M
