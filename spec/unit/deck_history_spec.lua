-- decK files as history: which configuration stood before, as files of people and tools have it.


local cjson = require "cjson.safe"


local MODULE = "kong.plugins.threat-agent."

local pauses = 0


local function load()
  _G.ngx = _G.ngx or {}
  _G.ngx.null = _G.ngx.null or cjson.null
  _G.ngx.sleep = function() pauses = pauses + 1 end
  package.loaded[MODULE .. "yaml"] = dofile("lua/kong/plugins/threat-agent/yaml.lua")
  local reader = dofile("lua/kong/plugins/threat-agent/deck_reader.lua")
  package.loaded[MODULE .. "yaml"] = nil
  package.loaded[MODULE .. "entities"] = dofile("lua/kong/plugins/threat-agent/entities.lua")
  package.loaded[MODULE .. "deck_reader"] = reader
  local history = dofile("lua/kong/plugins/threat-agent/deck_history.lua")
  package.loaded[MODULE .. "entities"], package.loaded[MODULE .. "deck_reader"] = nil, nil
  return history, reader
end


local function plain(entity)
  return entity
end


local function always()
  return true
end


local function standing()
  return {
    services = {
      s1 = { id = "s1", name = "shop", protocol = "http", host = "shop.internal", port = 81, retries = 5 },
    },
    routes = {
      r1 = { id = "r1", name = "orders", paths = { "/a", "/b" }, methods = { "GET" }, service = { id = "s1" }, tags = { "x", "y" } },
    },
    upstreams = { u1 = { id = "u1", name = "pool", slots = 100 } },
    targets = { t1 = { id = "t1", target = "a:80", weight = 0, upstream = { id = "u1" } } },
    plugins = {
      p1 = { id = "p1", name = "cors", enabled = true, route = { id = "r1" }, config = { origins = { "*" }, max_age = 1 } },
      p2 = { id = "p2", name = "acl", enabled = true, consumer = { id = "c1" }, config = {} },
    },
  }
end


local SAME = [[
_format_version: "3.0"
_info: { select_tags: [] }
services:
  - name: shop
    url: http://shop.internal:81
    routes:
      - { name: orders, paths: [/b, /a], methods: [GET], tags: [y, x], plugins: [{ name: cors, config: { origins: ["*"] } }] }
upstreams:
  - { name: pool, targets: [{ target: "a:80", weight: 0 }] }
]]


describe("decK files as history", function()
  local history, reader, now

  before_each(function()
    history, reader = load()
    now = standing()
  end)


  local function before(text, is_recent)
    return history.before(assert(reader.parse(text)), now, plain, is_recent or always)
  end


  it("say nothing where nothing differs, whatever the order and the defaults", function()
    local earlier, count = before(SAME)
    assert.equal(0, count)
    assert.same(now, earlier)
  end)


  it("tell what stood before, field by field", function()
    local cases = {
      { "http://shop.internal:81", "https://shop.internal", function(e)
        assert.equal(443, e.services.s1.port)
        assert.equal("https", e.services.s1.protocol)
        assert.equal(5, e.services.s1.retries)
      end },
      { ", methods: %[GET%]", "", function(e) assert.is_nil(e.routes.r1.methods) end },
      { "paths: %[/b, /a%]", "paths: [/a]", function(e) assert.same({ "/a" }, e.routes.r1.paths) end },
      { "weight: 0", "weight: 100", function(e) assert.equal(100, e.targets.t1.weight) end },
      { 'origins: %["%*"%]', 'origins: ["https://a"]', function(e)
        assert.same({ origins = { "https://a" }, max_age = 1 }, e.plugins.p1.config)
      end },
      { ", plugins: %[.-%]%s%]?.-}%]", "", function(e) assert.is_nil(e.plugins.p1) end },
    }
    for _, case in ipairs(cases) do
      local text, replaced = SAME:gsub(case[1], (case[2]:gsub("%%", "%%%%")))
      assert.equal(1, replaced, case[1])
      local earlier, count = before(text)
      assert.is_true(count >= 1, case[1])
      case[3](earlier)
      assert.same(standing(), now, "what stands is left alone")
    end
  end)


  it("tell what is gone where they have its id", function()
    local text = SAME .. [[
plugins:
  - { id: p9, name: correlation-id, route: orders, config: { header_name: X-Id } }
  - { name: prometheus }
]]
    local earlier, count = before(text)
    assert.equal(1, count)
    assert.same({ id = "r1" }, earlier.plugins.p9.route)
  end)


  it("leave alone what was changed long ago, what is not known here, and what belongs to consumers", function()
    local text = SAME:gsub("http://shop.internal:81", "http://other:82")
    assert.equal(0, select(2, before(text, function(kind) return kind ~= "services" end)))
    local with_env = SAME:gsub("internal:81\n", 'internal:81\n    retries: ${{ env "DECK_N" }}\n')
    assert.equal(0, select(2, before(with_env)))
    assert.is_table((before(text)).plugins.p2)
  end)


  -- What stands, as decK's author wrote it: with variables of the environment that decK runs in.
  it("leave alone what decK fills in from its environment", function()
    local cases = {
      { "url: http://shop.internal:81", "url: '${{ env \"DECK_URL\" }}'" },
      { "url: http://shop.internal:81", "url: 'http://${{ env \"DECK_HOST\" }}:82/shop'" },
      { "url: http://shop.internal:81", "host: '${{ env \"DECK_HOST\" }}'\n    path: '${{ env \"DECK_PATH\" }}'" },
      { "url: http://shop.internal:81", "url: 'http://[2001:db8::1]:81'" },
      { "paths: %[/b, /a%]", "paths: ['/${{ env \"DECK_PATH\" }}', /a]" },
      { "methods: %[GET%]", "methods: '${{ env \"DECK_METHODS\" }}'" },
      { "methods: %[GET%]", "methods: [GET], headers: { x-a: ['${{ env \"DECK_A\" }}'] }" },
      { 'origins: %["%*"%]', "origins: ['${{ env \"DECK_ORIGIN\" }}', 'https://b']" },
      { "name: shop", "name: '${{ env \"DECK_NAME\" }}'" },
      { "name: orders", "name: '${{ env \"DECK_NAME\" }}'" },
      { "name: orders, ", "" },
      { "name: shop", "id: '${{ env \"DECK_ID\" }}'\n    name: shop" },
    }
    now.services.s1.path, now.routes.r1.headers = "/old", { ["x-a"] = { "1" } }
    local stood = standing()
    stood.services.s1.path, stood.routes.r1.headers = "/old", { ["x-a"] = { "1" } }
    local same = SAME:gsub("81\n", "81/old\n"):gsub("name: orders,", 'name: orders, headers: { x-a: ["1"] },')
    assert.equal(0, select(2, before(same)))
    for _, case in ipairs(cases) do
      local text, replaced = same:gsub(case[1] .. (case[1]:find("^url") and "/old" or ""), (case[2]:gsub("%%", "%%%%")))
      assert.equal(1, replaced, case[1])
      text = case[2]:find("headers", 1, true) and text:gsub('headers: { x%-a: %["1"%] }, ', "") or text
      local earlier, count = before(text)
      assert.equal(0, count, case[2])
      assert.same(stood, earlier, case[2])
    end
  end)


  it("put back what is gone only whole, and where it was", function()
    local texts = {
      "plugins: [{ id: p9, name: cors, route: gone, config: { max_age: 1 } }]",
      "plugins: [{ id: p9, name: cors, route: '${{ env \"DECK_R\" }}' }]",
      "plugins: [{ id: p9, name: cors, route: orders, config: { max_age: '${{ env \"DECK_N\" }}' } }]",
      "routes: [{ name: gone, plugins: [{ id: p9, name: cors }] }]",
    }
    for _, text in ipairs(texts) do
      local earlier = before(SAME .. text)
      assert.is_nil(earlier.plugins.p9, text)
    end

    local earlier, count = before(SAME .. "routes: [{ id: r9, name: gone, service: shop, plugins: [{ id: p9, name: cors }] }]")
    assert.equal(2, count)
    assert.same({ id = "s1" }, earlier.routes.r9.service)
    assert.same({ id = "r9" }, earlier.plugins.p9.route)
  end)


  it("are what the agent keeps itself", function()
    package.loaded[MODULE .. "files"] = {}
    local kept = dofile("lua/kong/plugins/threat-agent/snapshot_files.lua")
    package.loaded[MODULE .. "files"] = nil
    local text = kept.render(now)
    assert.same(standing(), now)
    local earlier, count = before(text)
    assert.equal(0, count, text)
    assert.same(now, earlier)
    assert.equal("orders", require("lyaml").load(text).services[1].routes[1].name)
  end)


  it("are refused where they are none", function()
    assert.is_nil(reader.parse("a: [b"))
    assert.is_nil(reader.parse("services: []"))
    assert.is_nil(reader.parse("plain text"))
  end)


  local folder

  local function write(name, text)
    local file = assert(io.open(folder .. "/" .. name, "wb"))
    file:write(text)
    file:close()
  end


  describe("in a folder", function()
    before_each(function()
      folder = os.tmpname()
      os.remove(folder)
      os.execute("mkdir -p " .. folder)
    end)

    after_each(function()
      os.execute("rm -r " .. folder)
    end)


    it("are looked for, the latest first, up to one that differs", function()
      write("2026-11-20.yaml", (SAME:gsub("81", "70")))
      write("2026-11-21.yaml", (SAME:gsub("81", "80")))
      write("2026-11-22.yaml", SAME)
      write("2026-11-23.yaml", "broken: [")
      write("notes.txt", "no")
      local earlier, name = history.find(folder, now, plain, always)
      assert.equal("2026-11-21.yaml", name)
      assert.equal(80, earlier.services.s1.port)

      os.execute("rm " .. folder .. "/2026-11-2[012].yaml")
      earlier, name = history.find(folder, now, plain, always)
      assert.is_nil(earlier)
      assert.matches("2026%-11%-23.yaml: expected a decK file", name)
      assert.matches("could not list", select(2, history.find(folder .. "/none", now, plain, always)))
    end)


    it("are read a few at a time, and no more than a worker can spare", function()
      local padding = "# " .. ("x"):rep(1000 * 1000) .. "\n"
      for n = 1, 9 do
        write("2026-11-1" .. n .. ".yaml", padding .. padding .. (n == 1 and SAME:gsub("81", "80") or SAME))
      end
      pauses = 0
      local earlier, why = history.find(folder, now, plain, always)
      assert.is_nil(earlier)
      assert.matches("no further than 8 MiB", why, 1, true)
      assert.equal(4, pauses)

      write("2026-11-20.yaml", padding .. padding .. padding)
      assert.matches("more than 2 MiB", select(2, history.find(folder, now, plain, always)), 1, true)
    end)
  end)
end)
