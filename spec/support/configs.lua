-- Configurations that both the schema and the engine must accept, or both refuse.


local function rules(rule)
  rule.id = rule.id or "r"
  rule.action = rule.action or "block"
  return { rules = { rule } }
end


local function limits(limit)
  limit.id = limit.id or "l"
  limit.by = limit.by or "client_ip"
  limit.window = limit.window or "10s"
  limit.limit = limit.limit or 10
  return { limits = { limit } }
end


local function channel(fields)
  return { notifications = { channels = { fields } } }
end


-- A response with one policy of some steps.
local function response(fields, ...)
  fields.policies = { { id = "p", steps = { ... } } }
  return { response = fields }
end


return {
  good = {
    ["nothing at all"] = {},
    ["every field"] = {
      mode = "enforce",
      failure_mode = "closed",
      sampling_ratio = 0.25,
      auth_failure_statuses = { 401, 403 },
      enforce_ratio = 0.5,
      enforce_ratios = { api_ddos = 1, abuse = 0 },
      allowlist = {
        cidrs = { "10.0.0.0/8", "::1", "2001:db8::/32" },
        consumers = { "c" },
        health_checks = { { path = "/health", cidrs = { "192.0.2.0/28" } } },
      },
      rules = {
        {
          id = "a.b-c_1",
          action = "block",
          category = "abuse",
          score = 0.5,
          ban_s = 10,
          cidrs = { "192.0.2.1" },
          methods = { "GET" },
          paths = { "/admin", "~^/v[0-9]+/" },
          user_agents = { "^curl/" },
          headers = { { name = "X-A" }, { name = "X-B", pattern = "^b" } },
          expression = 'http.path ^= "/v1" && net.src.ip in 10.0.0.0/8',
        },
        { id = "tagged", action = "tag", methods = { "PUT" } },
        { id = "tried", action = "block", methods = { "PATCH" }, shadow = true },
      },
      limits = {
        { id = "l1", by = "client_ip", count = "auth_failures", window = "60s", limit = 5, action = "block",
          ban_s = 60, scope = "route", category = "credential_stuffing" },
        { id = "l2", by = "route", window = "1h", limit = 1000000 },
      },
      payload = {
        enabled = true,
        families = { "xss" },
        action = "tag",
        threshold = 0.9,
        thresholds = { xss = 0.95, sql_injection = 0 },
        detection_threshold = 0.1,
        on_uninspected = "block",
        exclusions = {
          { rules = { "sqli.union", "model" }, locations = { "query.q", "json.user.*", "path" }, paths = { "/a/*" } },
          { families = { "xss" }, locations = { "header.X-Note" } },
          { rules = { "xss.tag" }, paths = { "*/comments" } },
        },
        shadow = { "sqli.delay", "ssrf", "model" },
        max_body_bytes = 0,
        read_body_files = false,
        api_spec = '{"openapi":"3.0.3","paths":{"/a":{"get":{"deprecated":true}}}}',
        positive_model = { enabled = false, min_senders = 2, min_minutes = 40320 },
      },
      behaviour = {
        enabled = false,
        action = "block",
        account_fields = { "login_id" },
        session_cookie = "sid",
        session_header = "X-Session",
        session_jwt_claim = "sub",
      },
    },
    ["no statuses"] = { auth_failure_statuses = {} },
    ["no families"] = { payload = { families = {} } },
  },

  -- name → { config, the field that the message names, whether only the engine can tell }
  bad = {
    ["another mode"] = { { mode = "block" }, "mode" },
    ["a sampling ratio above 1"] = { { sampling_ratio = 1.5 }, "sampling_ratio" },
    ["an enforced share above 1"] = { { enforce_ratio = 1.5 }, "enforce_ratio" },
    ["an enforced share of no category"] = { { enforce_ratios = { rain = 1 } }, "enforce_ratios" },
    ["an enforced share of a category above 1"] = { { enforce_ratios = { abuse = 2 } }, "enforce_ratios" },
    ["a health check of no path"] = {
      { allowlist = { health_checks = { { path = "health", cidrs = { "192.0.2.1" } } } } }, "path",
    },
    ["a health check from anywhere"] = { { allowlist = { health_checks = { { path = "/h", cidrs = {} } } } }, "cidrs" },
    ["a status that is none"] = { { auth_failure_statuses = { 99 } }, "auth_failure_statuses" },
    ["an unknown field"] = { { colour = "red" }, "colour" },
    ["an unknown field in a rule"] = { rules({ methods = { "GET" }, colour = "red" }), "colour" },
    ["an unknown field in behaviour"] = { { behaviour = { colour = "red" } }, "colour" },
    ["another action of behaviour"] = { { behaviour = { action = "drop" } }, "action" },
    ["an account field without a name"] = { { behaviour = { account_fields = { "" } } }, "account_fields" },
    ["an account field that is too long"] = { { behaviour = { account_fields = { ("x"):rep(65) } } }, "account_fields" },
    ["a session cookie without a name"] = { { behaviour = { session_cookie = "" } }, "session_cookie" },
    ["a session claim that is too long"] = { { behaviour = { session_jwt_claim = ("x"):rep(65) } }, "session_jwt_claim" },
    ["an unknown field in payload"] = { { payload = { colour = "red" } }, "colour" },
    ["an allowlist entry that is no address"] = { { allowlist = { cidrs = { "office" } } }, "cidrs" },
    ["a prefix length that is none"] = { { allowlist = { cidrs = { "10.0.0.0/33" } } }, "cidrs" },
    ["a rule without a condition"] = { rules({}), "rules" },
    ["a rule without an id"] = { { rules = { { action = "block", methods = { "GET" } } } }, "id" },
    ["a rule id with blanks"] = { rules({ id = "a b", methods = { "GET" } }), "id" },
    ["another action"] = { rules({ action = "drop", methods = { "GET" } }), "action" },
    ["another category"] = { rules({ category = "other", methods = { "GET" } }), "category" },
    ["a score above 1"] = { rules({ score = 2, methods = { "GET" } }), "score" },
    ["a ban on what is not refused"] = { rules({ action = "tag", ban_s = 5, methods = { "GET" } }), "ban_s" },
    ["a ban of more than 30 days"] = { rules({ ban_s = 2592001, methods = { "GET" } }), "ban_s" },
    ["a path that is no prefix"] = { rules({ paths = { "admin" } }), "paths" },
    ["an empty text"] = { rules({ user_agents = { "" } }), "user_agents" },
    ["a text that is too long"] = { rules({ user_agents = { ("x"):rep(513) } }), "user_agents" },
    ["another window"] = { limits({ window = "5s" }), "window" },
    ["another key"] = { limits({ by = "host" }), "by" },
    ["another counter"] = { limits({ count = "bytes" }), "count" },
    ["a limit of nothing"] = { limits({ limit = 0 }), "limit" },
    ["a limit above a million"] = { limits({ limit = 1000001 }), "limit" },
    ["a limit that allows"] = { limits({ action = "allow" }), "action" },
    ["a ban of a route"] = { limits({ by = "route", action = "block", ban_s = 60 }), "ban_s" },
    ["a ban by a limit that throttles"] = { limits({ ban_s = 60 }), "ban_s" },
    ["another scope"] = { limits({ scope = "host" }), "scope" },
    ["another family"] = { { payload = { families = { "csrf" } } }, "families" },
    ["a body cap above a megabyte"] = { { payload = { max_body_bytes = 1048577 } }, "max_body_bytes" },
    ["an API's document as YAML"] = { { payload = { api_spec = "openapi: 3.0.3" } }, "payload.api_spec", true },
    ["an API's document without paths"] = { { payload = { api_spec = "{}" } }, "payload.api_spec", true },
    ["one sender who teaches"] = { { payload = { positive_model = { min_senders = 1 } } }, "min_senders" },
    ["more minutes than four weeks"] = {
      { payload = { positive_model = { min_minutes = 40321 } } }, "min_minutes",
    },
    ["a threshold below 0"] = { { payload = { threshold = -0.1 } }, "threshold" },
    ["a threshold of no family"] = { { payload = { thresholds = { csrf = 1 } } }, "thresholds" },
    ["a family's threshold above 1"] = { { payload = { thresholds = { xss = 2 } } }, "thresholds" },
    ["a detection threshold above 1"] = { { payload = { detection_threshold = 1.1 } }, "detection_threshold" },
    ["an exclusion of nothing"] = { { payload = { exclusions = { { paths = { "/" } } } } }, "exclusions" },
    ["an exclusion from everywhere"] = { { payload = { exclusions = { { rules = { "xss.tag" } } } } }, "exclusions" },
    ["an exclusion of no family"] = {
      { payload = { exclusions = { { families = { "csrf" }, paths = { "/" } } } } }, "families",
    },
    ["an exclusion on no path"] = {
      { payload = { exclusions = { { rules = { "xss.tag" }, paths = { "a" } } } } }, "paths",
    },
    ["an unknown field in an exclusion"] = {
      { payload = { exclusions = { { rules = { "xss.tag" }, paths = { "/" }, colour = "red" } } } }, "colour",
    },
    ["an exclusion at no location"] = {
      { payload = { exclusions = { { rules = { "xss.tag" }, locations = { "args.q" } } } } },
      "payload.exclusions.locations", true,
    },
    ["an exclusion of no rule"] = {
      { payload = { exclusions = { { rules = { "xss" }, paths = { "/" } } } } }, "payload.exclusions.rules", true,
    },
    ["a shadow of no rule"] = { { payload = { shadow = { "csrf" } } }, "payload.shadow", true },
    ["another answer to what was not inspected"] = { { payload = { on_uninspected = "drop" } }, "on_uninspected" },

    ["an id given twice"] = {
      { rules = { { id = "x", action = "block", methods = { "GET" } }, { id = "x", action = "tag", methods = { "PUT" } } } },
      "\"x\" is given twice", true,
    },
    ["a regular expression that is none"] = { rules({ user_agents = { "(" } }), "rules[r].user_agents", true },
    ["a path expression that is none"] = { rules({ paths = { "~(" } }), "rules[r].paths", true },
    ["a header expression that is none"] = { rules({ headers = { { name = "a", pattern = "[" } } }), "rules[r].headers", true },
    ["an expression that is none"] = { rules({ expression = "http.path ==" }), "rules[r].expression", true },
    ["an expression on an unknown field"] = { rules({ expression = 'http.body == "x"' }), "rules[r].expression", true },
    ["an address that only looks like one"] = { { allowlist = { cidrs = { "999.1.1.1" } } }, "cidrs" },
    ["a network without its length"] = { { allowlist = { cidrs = { "10.0.0.0/" } } }, "cidrs" },
    ["an IPv6 address that is none"] = { { allowlist = { cidrs = { "1:2:3" } } }, "allowlist.cidrs", true },
  },

  -- The same of what the engine is not told of.
  lua_good = {
    ["a Slack webhook"] = channel({ type = "slack", url = "https://hooks.slack.com/services/T0/B0/X" }),
    ["a Slack bot"] = channel({ type = "slack", token = "xoxb-1", channel = "C1" }),
    ["a webhook"] = channel({ type = "webhook", url = "https://example.com:8443/hook?a=b", secret = "s" }),
    ["a webhook by reference"] = channel({ type = "webhook", url = "{vault://env/hook-url}" }),
    ["PagerDuty"] = channel({ type = "pagerduty", routing_key = "{vault://env/pagerduty-key}" }),
    ["mail"] = channel({ type = "email", host = "mail.example.com", from = "a@example.com", to = { "b@example.com" },
                         username = "a", password = "p" }),
    ["mail in the clear, without an account"] = channel({ type = "email", host = "127.0.0.1", tls = "none",
                                                          from = "a@example.com", to = { "b@example.com" } }),
    ["syslog"] = channel({ type = "syslog", host = "192.0.2.1", transport = "tcp" }),
    ["an audit route"] = channel({ type = "gateway", url = "http://127.0.0.1:8000/audit", secret = "s" }),
    ["a template of one's own"] = response({ templates = { { name = "mine", code = "local a = {{parameter}}" } } },
                                           { action = "hot_patch", template = "mine", parameter = "x" }),
    ["a policy for consumers"] = { response = { policies = {
      { id = "p", consumers = { "ann" }, steps = { { action = "limit_consumer", scope = "global" } } },
    } } },
    ["a route that is left some hosts"] = response({}, { action = "restrict_route", hosts = { "*.example.com" } }),
    ["a route that is left some headers"] = response({}, { action = "restrict_route", headers = { ["X-A"] = { "1" } } }),
    ["a ladder from mild to hard"] = response({}, { action = "tag" }, { action = "throttle" },
                                              { action = "ban", when = "signal" }, { action = "ban" }),
    ["a route to another service"] = response({}, { action = "divert_route", to_service = "sinkhole" }),
    ["some routes at once"] = response({ blast_radius = { route_ratio = 0.1 } }, { action = "ban" }),
    ["a workspace's own budget"] = response({ budget = { workspace_ratio = 0.2, workspaces = { payments = 0.5 } } }, { action = "ban" }),
    ["a client certificate"] = { response = { admin_api = { client_certificate = "{vault://env/agent-cert}",
                                                            client_key = "{vault://env/agent-key}" } } },
    ["a store in Redis"] = { store = { type = "redis", redis = { host = "127.0.0.1" } } },
    ["a store in the database"] = { store = { type = "postgres" } },
  },

  lua_bad = {
    ["a channel of no type"] = { channel({ url = "https://example.com" }), "type" },
    ["a channel of another type"] = { channel({ type = "pigeon" }), "type" },
    ["Slack without anything"] = { channel({ type = "slack" }), "url" },
    ["a Slack bot without a channel"] = { channel({ type = "slack", token = "xoxb-1" }), "channel" },
    ["a webhook without a URL"] = { channel({ type = "webhook" }), "url" },
    ["a URL that is none"] = { channel({ type = "webhook", url = "example.com/hook" }), "url" },
    ["PagerDuty without a key"] = { channel({ type = "pagerduty" }), "routing_key" },
    ["mail without a server"] = { channel({ type = "email", from = "a@example.com", to = { "b@example.com" } }), "host" },
    ["mail to nobody"] = { channel({ type = "email", host = "mail", from = "a@example.com" }), "to" },
    ["an address with a line break"] = { channel({ type = "email", host = "mail", from = "a@example.com",
                                                   to = { "b@example.com>\r\nRCPT TO:<c@example.com" } }), "to" },
    ["a password in the clear"] = { channel({ type = "email", host = "mail", tls = "none", from = "a@example.com",
                                              to = { "b@example.com" }, username = "a", password = "p" }), "password" },
    ["an audit route without a secret"] = { channel({ type = "gateway", url = "http://127.0.0.1/audit" }), "secret" },
    ["a rate of nothing"] = { { notifications = { rate_per_minute = 0 } }, "rate_per_minute" },
    ["a store that is not authorized"] = {
      { store = { type = "redis", redis = { host = "h" }, authorized_stores = { "memory" } } }, "authorized_stores",
    },
    ["a field that is none"] = { channel({ type = "syslog", host = "h", only = { "Top Clients" } }), "only" },
    ["another part to omit"] = { channel({ type = "syslog", host = "h", omit = { "title" } }), "omit" },
    ["a template that does not compile"] = {
      response({ templates = { { name = "mine", code = "if then" } } }, { action = "tag" }), "mine does not compile",
    },
    ["a template in quotes"] = {
      response({ templates = { { name = "mine", code = 'local a = "{{parameter}}"' } } }, { action = "tag" }), "mine does not compile",
    },
    ["a template that there is not"] = {
      response({}, { action = "hot_patch", template = "mine", parameter = "x" }), "no template of the name mine",
    },
    ["a restriction to nothing"] = { response({}, { action = "restrict_route" }), "methods" },
    ["a route to no service"] = { response({}, { action = "divert_route" }), "to_service" },
    ["a ban at another time"] = { response({}, { action = "ban", when = "never" }), "when" },
    ["a client certificate without its key"] = {
      { response = { admin_api = { client_certificate = "c" } } }, "client_key",
    },
    ["more routes than all"] = { response({ blast_radius = { route_ratio = 2 } }, { action = "ban" }), "route_ratio" },
    ["a workspace's budget above the whole"] = {
      response({ budget = { workspaces = { payments = 2 } } }, { action = "ban" }), "workspaces",
    },
    ["a store in Redis without a host"] = { { store = { type = "redis" } }, "host" },
    ["another store"] = { { store = { type = "file" } }, "type" },
  },
}
