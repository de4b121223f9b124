-- Pure data. Defaults and bounds are the engine's (`threat-agent schema --json`); a spec compares
-- the two. What only compiling can tell is asked of the engine where its library can be loaded.

local check = require "kong.plugins.threat-agent.config_check"
local llm = require "kong.plugins.threat-agent.schema_llm"
local notifications = require "kong.plugins.threat-agent.schema_notifications"
local payload = require "kong.plugins.threat-agent.schema_payload"
local response = require "kong.plugins.threat-agent.schema_response"
local store = require "kong.plugins.threat-agent.schema_store"
local vocabulary = require "kong.plugins.threat-agent.vocabulary"


local ACTIONS = { "allow", "tag", "throttle", "block" }

local REFUSALS = { "tag", "throttle", "block" }

local MAX_BAN_S = 2592000
local MAX_ENTRIES = 4096
local MAX_RULES = 512
local MAX_TEXT = 512


local function rule_id()
  return { id = {
    description = "Names the rule in logs and verdicts; unique among rules and limits.",
    type = "string",
    required = true,
    len_max = 64,
    match_any = { patterns = { "^[%w%-_%.]+$" }, err = "expected A-Z a-z 0-9 - _ . only" },
  } }
end


local function texts(description, extra, list)
  local elements = { type = "string", len_max = MAX_TEXT }
  for k, v in pairs(extra or {}) do
    elements[k] = v
  end

  local field = { description = description, type = "array", len_max = MAX_ENTRIES, elements = elements }
  for k, v in pairs(list or {}) do
    field[k] = v
  end

  return field
end


local function ban_s()
  return { ban_s = {
    description = "Seconds that who matched stays refused; 0 for no ban.",
    type = "integer",
    required = true,
    default = 0,
    between = { 0, MAX_BAN_S },
  } }
end


local BAN_NEEDS_BLOCK = {
  conditional = {
    if_field = "action", if_match = { one_of = { "allow", "tag", "throttle" } },
    then_field = "ban_s", then_match = { eq = 0 },
    then_err = "must be 0 unless action is block",
  },
}


local rule = {
  type = "record",
  fields = {
    rule_id(),
    { action = {
      description = "What happens to a request that matches. `allow` ends all further checks.",
      type = "string",
      required = true,
      one_of = ACTIONS,
    } },
    { category = {
      description = "The kind of attack that a match is filed under.",
      type = "string",
      required = true,
      default = "abuse",
      one_of = vocabulary.CATEGORIES,
    } },
    { score = {
      description = "Anomaly score of a match.",
      type = "number",
      required = true,
      default = 1,
      between = { 0, 1 },
    } },
    ban_s(),
    { cidrs = texts("Client addresses or networks.", { custom_validator = check.cidr }) },
    { methods = texts("Request methods, in capitals.",
                      { match_any = { patterns = { "^%u+$" }, err = "expected a method in capitals, such as GET" } }) },
    { paths = texts("Prefixes of the decoded path; behind ~, a regular expression on it.",
                    { match_any = { patterns = { "^[/~]" },
                                    err = "expected a prefix such as /admin, or a regular expression behind ~" } }) },
    { user_agents = texts("Regular expressions on the User-Agent, in any case.") },
    { headers = {
      description = "Headers that must be there, with a value that matches.",
      type = "array",
      len_max = MAX_ENTRIES,
      elements = {
        type = "record",
        fields = {
          { name = { type = "string", required = true, len_max = MAX_TEXT } },
          { pattern = {
            description = "Regular expression on the value, in any case.",
            type = "string",
            len_max = MAX_TEXT,
          } },
        },
      },
    } },
    { expression = {
      description = "A condition in Kong's expression language.",
      type = "string",
      len_max = 4096,
    } },
    { shadow = {
      description = "Whether a match is only logged, never acted upon.",
      type = "boolean",
      required = true,
      default = false,
    } },
  },
  entity_checks = {
    { at_least_one_of = { "cidrs", "methods", "paths", "user_agents", "headers", "expression" } },
    BAN_NEEDS_BLOCK,
  },
}


local limit = {
  type = "record",
  fields = {
    rule_id(),
    { by = {
      description = "Whose arrivals are counted together.",
      type = "string",
      required = true,
      one_of = { "client_ip", "consumer", "service", "route" },
    } },
    { count = {
      description = "What is counted.",
      type = "string",
      required = true,
      default = "requests",
      one_of = { "requests", "auth_failures", "not_found", "server_errors" },
    } },
    { window = {
      description = "The sliding window.",
      type = "string",
      required = true,
      one_of = { "1s", "10s", "60s", "1h" },
    } },
    { limit = {
      description = "Most arrivals in a window.",
      type = "integer",
      required = true,
      between = { 1, 1000000 },
    } },
    { action = {
      description = "What happens above the limit.",
      type = "string",
      required = true,
      default = "throttle",
      one_of = REFUSALS,
    } },
    ban_s(),
    { scope = {
      description = "Where it counts; by default where this plugin instance is attached.",
      type = "string",
      one_of = { "global", "service", "route" },
    } },
    { category = {
      description = "The kind of attack it is filed under; by default by what is counted.",
      type = "string",
      one_of = vocabulary.CATEGORIES,
    } },
  },
  entity_checks = {
    BAN_NEEDS_BLOCK,
    { conditional = {
      if_field = "by", if_match = { one_of = { "service", "route" } },
      then_field = "ban_s", then_match = { eq = 0 },
      then_err = "must be 0 where by is route or service: only clients and consumers are banned",
    } },
  },
}


local behaviour = {
  type = "record",
  required = true,
  fields = {
    { enabled = { type = "boolean", required = true, default = true } },
    { action = {
      description = "What happens to the requests of clients that an attack is traced to.",
      type = "string",
      required = true,
      default = "throttle",
      one_of = ACTIONS,
    } },
    { account_fields = {
      description = "Fields of a login form that name the account, in any case.",
      type = "array",
      required = true,
      default = { "username", "user", "email", "login", "account", "phone" },
      len_max = 32,
      elements = { type = "string", len_max = 64 },
    } },
    { session_cookie = {
      description = "Cookie that holds the session.",
      type = "string",
      len_max = 64,
    } },
    { session_header = {
      description = "Header that holds the session, or its JWT where a claim is named.",
      type = "string",
      len_max = 64,
    } },
    { session_jwt_claim = {
      description = "Claim that names the session, of the JWT in session_header or Authorization.",
      type = "string",
      len_max = 64,
    } },
  },
}


return {
  name = "threat-agent",
  fields = {
    { protocols = {
      type = "set",
      required = true,
      default = { "grpc", "grpcs", "http", "https" },
      elements = { type = "string", one_of = { "grpc", "grpcs", "http", "https" } },
    } },
    { config = {
      type = "record",
      required = true,
      custom_validator = check.config,
      fields = {
        { mode = {
          description = "`monitor` computes everything and does nothing; `enforce` acts.",
          type = "string",
          required = true,
          default = "monitor",
          one_of = { "monitor", "enforce" },
        } },
        { enforce_ratio = {
          description = "Share of clients for whom `enforce` holds; verdicts on the others are only logged.",
          type = "number",
          required = true,
          default = 1,
          between = { 0, 1 },
        } },
        { enforce_ratios = {
          description = "The same for single categories, instead of enforce_ratio.",
          type = "map",
          required = true,
          default = {},
          keys = { type = "string", one_of = vocabulary.CATEGORIES },
          values = { type = "number", between = { 0, 1 } },
        } },
        { failure_mode = {
          description = "Whether traffic flows (`open`) or is refused with 503 (`closed`) when the engine fails.",
          type = "string",
          required = true,
          default = "open",
          one_of = { "open", "closed" },
        } },
        { sampling_ratio = {
          description = "Share of requests whose payload is inspected; counting is never sampled.",
          type = "number",
          required = true,
          default = 1,
          between = { 0, 1 },
        } },
        { auth_failure_statuses = {
          description = "Response statuses that say that a login or credential was refused.",
          type = "array",
          required = true,
          default = { 401 },
          elements = { type = "integer", between = { 100, 599 } },
        } },
        { allowlist = {
          description = "Clients that are neither counted nor inspected nor refused.",
          type = "record",
          required = true,
          fields = {
            { cidrs = texts("Client addresses or networks.", { custom_validator = check.cidr }) },
            { consumers = texts("Consumer ids.") },
            { health_checks = {
              description = "Requests of known checkers for one path.",
              type = "array",
              len_max = MAX_ENTRIES,
              elements = {
                type = "record",
                fields = {
                  { path = {
                    description = "The whole path, as it is sent.",
                    type = "string",
                    required = true,
                    len_max = MAX_TEXT,
                    match = "^/",
                  } },
                  { cidrs = texts("Addresses or networks of the checkers.",
                                  { custom_validator = check.cidr }, { required = true, len_min = 1 }) },
                },
              },
            } },
          },
        } },
        { rules = {
          description = "The operator's own rules, applied in order.",
          type = "array",
          required = true,
          default = {},
          len_max = MAX_RULES,
          elements = rule,
        } },
        { limits = {
          description = "Limits on arrivals in sliding windows.",
          type = "array",
          required = true,
          default = {},
          len_max = MAX_RULES,
          elements = limit,
        } },
        { payload = payload },
        { behaviour = behaviour },
        { llm = llm },
        { notifications = notifications },
        { response = response },
        { store = store },
      },
    } },
  },
}
