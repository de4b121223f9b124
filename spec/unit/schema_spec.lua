-- The schema repeats what the engine owns: defaults, bounds and names, and nothing else.


local cjson = require "cjson.safe"
local configs = require "spec.support.configs"
local plugin = require "spec.support.plugin"


local schema = plugin.schema()
local engine = cjson.decode((plugin.cli("schema --json")))


-- Fields that only Lua needs, and fields that only the engine is told.
local LUA_ONLY = { failure_mode = true, llm = true, notifications = true, response = true, store = true }
local ENGINE_ONLY = { instance_scope = true, protected_cidrs = true }


local function find(fields, name)
  for _, field in ipairs(fields) do
    if field[name] then
      return field[name]
    end
  end
end


local config = find(schema.fields, "config")


-- The defaults of a record, as the gateway would fill them in.
local function defaults(record)
  local values = {}
  for _, field in ipairs(record.fields) do
    local name, definition = next(field)
    if definition.type == "record" then
      values[name] = defaults(definition)
    else
      values[name] = definition.default
    end
  end

  return values
end


-- Drops what JSON and Lua write differently: nulls and empty lists.
local function bare(value)
  if type(value) ~= "table" then
    return value
  end

  local copy = {}
  for k, v in pairs(value) do
    v = bare(v)
    if v ~= cjson.null and (type(v) ~= "table" or next(v) ~= nil) then
      copy[k] = v
    end
  end

  return copy
end


local function without(values, names)
  for name in pairs(names) do
    values[name] = nil
  end

  return values
end


describe("the schema", function()
  it("has the engine's defaults", function()
    assert.same(bare(without(engine.defaults, ENGINE_ONLY)), bare(without(defaults(config), LUA_ONLY)))
  end)

  it("has the engine's defaults of rules and limits", function()
    local rule = find(config.fields, "rules").elements
    local limit = find(config.fields, "limits").elements
    assert.same(bare(engine.rule_defaults), bare(defaults(rule)))
    assert.same(bare(engine.limit_defaults), bare(defaults(limit)))
  end)

  it("has the engine's bounds", function()
    local bounds = engine.bounds
    local rules, limits = find(config.fields, "rules"), find(config.fields, "limits")
    assert.equal(bounds.max_rules, rules.len_max)
    assert.equal(bounds.max_rules, limits.len_max)
    local rule, limit = rules.elements.fields, limits.elements.fields
    assert.same({ 0, bounds.max_ban_s }, find(rule, "ban_s").between)
    assert.same({ 0, bounds.max_ban_s }, find(limit, "ban_s").between)
    assert.same({ 1, bounds.max_limit }, find(limit, "limit").between)
    assert.equal(bounds.max_expression_bytes, find(rule, "expression").len_max)
    assert.equal(bounds.max_text_bytes, find(rule, "user_agents").elements.len_max)
    assert.equal(bounds.max_entries, find(rule, "cidrs").len_max)
    local payload = find(config.fields, "payload")
    assert.equal(bounds.max_exclusions, find(payload.fields, "exclusions").len_max)
    assert.equal(bounds.max_exclusions, find(payload.fields, "shadow").len_max)
    assert.same({ 0, bounds.max_body_bytes }, find(payload.fields, "max_body_bytes").between)
    assert.equal(bounds.max_spec_bytes, find(payload.fields, "api_spec").len_max)
    local positive = find(payload.fields, "positive_model").fields
    assert.same({ 2, bounds.max_senders }, find(positive, "min_senders").between)
    assert.same({ 0, bounds.max_minutes }, find(positive, "min_minutes").between)
  end)

  it("has the engine's names", function()
    local enums = engine.enums
    local rule = find(config.fields, "rules").elements.fields
    local limit = find(config.fields, "limits").elements.fields
    local payload = find(config.fields, "payload").fields
    assert.same(enums.mode, find(config.fields, "mode").one_of)
    assert.same(enums.action, find(rule, "action").one_of)
    assert.same(enums.category, find(rule, "category").one_of)
    assert.same(enums.category, find(limit, "category").one_of)
    assert.same(enums.by, find(limit, "by").one_of)
    assert.same(enums.count, find(limit, "count").one_of)
    assert.same(enums.window, find(limit, "window").one_of)
    assert.same(enums.scope, find(limit, "scope").one_of)
    assert.same(enums.family, find(payload, "families").elements.one_of)
    assert.same(enums.family, find(payload, "thresholds").keys.one_of)
    assert.same(enums.on_uninspected, find(payload, "on_uninspected").one_of)
  end)
end)


-- The engine's side of what config_spec proves of the schema: it accepts and refuses the same.
describe("the engine", function()
  local file

  setup(function()
    file = os.tmpname()
  end)

  teardown(function()
    os.remove(file)
  end)


  local function check(case)
    local text = cjson.encode(without(bare(case), LUA_ONLY))
    local handle = assert(io.open(file, "w"))
    handle:write(text)
    handle:close()
    return plugin.cli("check " .. file)
  end


  for name, case in pairs(configs.good) do
    it("accepts " .. name, function()
      local output, ok = check(case)
      assert.is_true(ok, output)
    end)
  end

  for name, case in pairs(configs.bad) do
    it("refuses " .. name, function()
      local output, ok = check(case[1])
      assert.is_false(ok, output)
      if case[3] then
        assert.matches(case[2], output, 1, true)
      end
    end)
  end
end)


describe("texts of a shape of their own", function()
  local function field(...)
    local record = config
    for _, name in ipairs({ ... }) do
      record = find(record.fields, name)
      record = record.elements or record
    end

    return record
  end

  local function takes(definition, text)
    for _, pattern in ipairs(definition.match_any.patterns) do
      if text:match(pattern) then
        return true
      end
    end

    return false, definition.match_any.err
  end


  it("are hours of the day", function()
    local hours = field("response", "policies", "hours")
    for _, text in ipairs({ "22-6", "0-24", "09-17", "20-23" }) do
      assert.is_true(takes(hours, text), text)
    end
    for _, text in ipairs({ "25-6", "24-6", "6-25", "6", "6-", "22:00-6:00" }) do
      local ok, err = takes(hours, text)
      assert.is_false(ok, text)
      assert.matches("expected two hours", err)
    end
  end)

  it("are told what was expected", function()
    for _, case in ipairs({
      { field("limits", "id"), "client-rate", "client rate" },
      { field("rules", "methods"), "GET", "get" },
      { field("rules", "paths"), "~^/v1", "v1" },
      { field("response", "history_folder"), "/decks", "decks" },
      { field("notifications", "channels", "url"), "https://hooks.example.com/x", "hooks.example.com" },
      { field("notifications", "channels", "from"), "gateway@example.com", "gateway" },
    }) do
      assert.is_true(takes(case[1], case[2]), case[2])
      local ok, err = takes(case[1], case[3])
      assert.is_false(ok, case[3])
      assert.matches("^expected ", err)
    end
  end)
end)
