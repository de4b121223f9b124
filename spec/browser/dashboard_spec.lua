-- The dashboard in a real Chromium: what an attacker sends is shown and never run, and a newcomer finds
-- cause, action and undo.


local browser = require "spec.support.browser"
local gateway = require "spec.support.gateway"
local socket = require "socket"


local eventually = gateway.eventually


-- Screenshots go here, for people to look at.
local SHOTS = os.getenv("TA_SCREENSHOTS")
local AXE = "spec/browser/node_modules/axe-core/axe.min.js"

local MARKUP = '<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>'

local CONFIG = [[
_format_version: "3.0"
services:
  - name: shop
    url: http://127.0.0.1:${DEMO_PORT}
    routes:
      - { name: catalogue, paths: ["/"], strip_path: false }
      - { name: login, paths: ["/login"], strip_path: false }
      - { name: search, paths: ["/search"], strip_path: false }
      - name: partners
        paths: ["/partners"]
        plugins: [ { name: threat-agent, config: { mode: monitor } } ]
      - name: described
        paths: ["/described"]
        plugins:
          - name: threat-agent
            config:
              mode: enforce
              payload:
                api_spec: '{ "openapi": "3.0.3", "paths": { "/described/products": { "get": { "deprecated": true } } } }'
  - { name: forgotten, url: "http://127.0.0.1:${DEMO_PORT}" }
routes:
  - name: threat-agent
    paths: ["/threat-agent"]
    plugins:
      - { name: key-auth }
      - name: threat-agent-dashboard
        config: { viewer_groups: [security], operator_groups: [leads] }
      # Kong's key-auth sets a header with the consumer's name, which is an attack here.
      - { name: threat-agent, config: { payload: { enabled: false } } }
consumers:
  - username: vera
    keyauth_credentials: [ { key: viewer } ]
    acls: [ { group: security } ]
  - username: '<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>'
    keyauth_credentials: [ { key: operator } ]
    acls: [ { group: leads } ]
plugins:
  - name: threat-agent
    config:
      mode: enforce
      response:
        policies:
          - id: stuffing
            categories: [credential_stuffing]
            min_confidence: 0.5
            steps: [ { action: ban, suspicion: medium, ttl_s: 600 } ]
          - id: injections
            categories: [payload_injection]
            routes: [search]
            min_severity: low
            min_confidence: 0.1
            approval: required
            steps: [ { action: ban, suspicion: low, ttl_s: 600 } ]
]]


describe(gateway.describe_name("the dashboard in Chromium:"), function()
  if not browser.is_here() then
    return pending("no chromium and chromedriver here: make test-browser installs them")
  end

  local gw, page


  local function send(client, request)
    request.headers = request.headers or {}
    request.headers["x-forwarded-for"] = client
    return gw:http(request)
  end


  local function attack()
    for n = 1, 40 do
      send("192.0.2." .. n % 8, { path = "/products" })
      send("203.0.113.16", { path = "/login", json = { username = "user-" .. n, password = "guess" } })
      send("198.51.100.7", {
        path = "/search?q=%3Cscript%3Ewindow.pwned%3D1%3C%2Fscript%3E&n=" .. n,
        headers = { ["user-agent"] = MARKUP, referer = MARKUP },
      })
      send("198.51.100.9", { path = "/partners/products?q=1%27+UNION+SELECT+password+FROM+users--" })
      send("198.51.100.7", { path = "/search/%3Cimg%20src%3Dx%20onerror%3Dalert(" .. n .. ")%3E" })
    end
  end


  -- Many ask for what the API's document does not have, and for what is deprecated there.
  local function use_undocumented()
    for n = 1, 10 do
      for _, path in ipairs({ "/described/products/7", "/described/products" }) do
        send("192.0.2." .. n, { path = path })
      end
    end
  end


  local function categories()
    local found = {}
    for _, incident in ipairs(gw:admin("GET", "/threat-agent/incidents").json.data) do
      found[incident.category] = incident
    end
    return found
  end


  local function text(selector)
    return page:run("return document.querySelector(arguments[0])?.innerText ?? null", selector)
  end


  -- Waits until the text of an element matches a pattern.
  local function says(selector, pattern, timeout_s)
    return eventually(function()
      local found = text(selector)
      assert(type(found) == "string" and found:find(pattern), selector .. " says: " .. tostring(found))
      return found
    end, timeout_s or 15)
  end


  local function click(label, within)
    page:run([[
      const place = document.querySelector(arguments[1] || "body");
      const button = [...place.querySelectorAll("button")].find((b) => b.innerText === arguments[0]);
      button.click();
    ]], label, within)
  end


  local function visit(key, hash)
    page:headers({ apikey = key })
    page:open("about:blank")
    page:open("http://127.0.0.1:" .. gw.proxy_port .. "/threat-agent" .. (hash or ""))
    eventually(function() return page:run("return document.documentElement.dataset.ready") == "true" end, 20)
  end


  setup(function()
    gw = gateway.start({
      config = CONFIG, trusted_ips = "127.0.0.1", plugins = "bundled,threat-agent,threat-agent-dashboard",
    })
    attack()
    eventually(function()
      local found = categories()
      return found.credential_stuffing and found.payload_injection
    end, 30)
    eventually(function() return #gw:admin("GET", "/threat-agent/actions").json.data >= 2 end, 30)
    assert.equal(202, gw:admin("POST", "/threat-agent/bans", { client = "192.0.2.99", reason = MARKUP }).status)
    page = browser.start()
  end)

  teardown(function()
    if page then
      page:stop()
    end
    gw:stop()
  end)


  it("shows what an attacker sends, and runs none of it", function()
    visit("operator")
    says("#who", "<img src=x onerror=")
    says("#actions", "<img src=x onerror=", 20)
    says("#bans", "<script>window.pwned=1</script>", 20)
    for _ = 1, 2 do
      page:run("document.getElementById('tab-all').click()")
      for _, id in ipairs(page:run("return [...document.querySelectorAll('.row')].map((r) => r.dataset.key)")) do
        page:run("[...document.querySelectorAll('.row')].find((r) => r.dataset.key === arguments[0])?.click()", id)
      end
    end
    assert.is_false(page:run("return 'pwned' in window"))
    assert.equal(0, page:run("return document.querySelectorAll('img, iframe, object, embed, main script').length"))
  end)


  it("would not run markup even if it were written as such: the policy forbids it", function()
    assert.is_true(page:run([[
      try { document.body.insertAdjacentHTML("beforeend", "<b>x</b>"); return false } catch (e) { return e instanceof TypeError }
    ]]))
    assert.is_true(page:run_async([[
      const done = arguments[arguments.length - 1];
      const script = document.createElement("script");
      try { script.textContent = "window.pwned = 1" } catch (e) { return done(true) }
      document.body.append(script);
      setTimeout(() => done(!("pwned" in window)), 100);
    ]]))
  end)


  it("tells a newcomer cause, action and undo", function()
    visit("operator", "#incident/" .. categories().credential_stuffing.id)
    says("#situation", "open incidents?")
    local detail = says("#detail", "Ban 203%.0%.113%.16 on route login")
    for _, words in ipairs({ "Why it was raised", "What was done", "Clients that stand out", "Timeline", "Undo" }) do
      assert.is_truthy(detail:find(words, 1, true), words)
    end
    says("#waiting", "Approve")
    assert.is_truthy(text("#pills"):find("enforcing", 1, true))
  end)


  it("undoes after one question, and says so", function()
    assert.is_true(send("203.0.113.16", { path = "/login", json = { username = "x", password = "y" } }).status >= 403)
    click("Undo", "#detail")
    says("#confirm", "Undo this action")
    click("Undo", "#confirm")
    says("#detail", "undone")
    local record
    eventually(function()
      for _, one in ipairs(gw:admin("GET", "/threat-agent/actions").json.data) do
        record = one.incident == categories().credential_stuffing.id and one or record
      end
      return record.state == "reverted"
    end)
    assert.matches("asked for by", record.why, 1, true)
  end)


  it("approves by keyboard", function()
    page:press("a")
    says("#confirm", "Approve this action")
    click("Approve", "#confirm")
    eventually(function() return page:run("return document.getElementById('waiting').hidden") end, 20)
    eventually(function() return send("198.51.100.7", { path = "/search?q=shoes" }).status == 403 end)
  end)


  it("takes an operator's word on an incident, with a note, from a message's link", function()
    visit("operator", "#feedback/" .. categories().credential_stuffing.id)
    says("#detail", "Nobody has said yet")
    eventually(function() return page:run("return document.activeElement.innerText") == "It was an attack" end)
    click("False alarm", "#detail")
    says("#judge", "A false alarm")
    assert.equal("judge-note", page:run("return document.activeElement.id"))
    page:run("document.getElementById('judge-note').value = arguments[0]", "a drill " .. MARKUP)
    click("False alarm", "#judge")
    says("#detail", "called it a false alarm")
    says("#detail", "0 confirmed, 1 false alarm, so confidence counts × 0.75")
    says("#precision", "Credential stuffing%s+0%s+1%s+0 %%")
    says("#precision", "failed to log in to N accounts")
    assert.is_false(page:run("return 'pwned' in window"))
  end)


  it("shows what a monitoring instance would refuse, and what is usual on a route", function()
    says("#dry-run", "40 requests, of which the upstream answered 40 well")
    says("#dry-run", "sqli%.")
    says("#routes", "usual %S+/s; errors", 40)
  end)


  it("shows what was found in the configuration", function()
    says("#review", "Leads nowhere%s+service forgotten has no routes")
  end)


  it("shows which operations are not in the API's document, or deprecated and in use", function()
    -- What is asked for is sampled, saved every half a minute, and read as often.
    eventually(function()
      use_undocumented()
      socket.sleep(0.5)
      return gw:admin("GET", "/threat-agent/overview").json.operations.total == 2
    end, 100)
    says("#operations", "Not in the API's document%s+GET /described/products/{id} on route described; last asked for", 40)
    says("#operations", "Deprecated, and in use%s+GET /described/products on route described; last asked for", 40)
  end)


  it("lets a viewer look and nothing else", function()
    visit("viewer")
    says("#who", "vera %(viewer%)")
    assert.equal(0, page:run([[
      const words = ["Undo", "Approve", "Decline", "Ban", "Lift", "Lift ban", "Stop the agent", "False alarm", "It was an attack"];
      return [...document.querySelectorAll("button")].filter((b) => b.checkVisibility() && words.includes(b.innerText)).length;
    ]]))
  end)


  it("lists first what changed last", function()
    visit("operator")
    says("#actions", "Undo")
    assert.is_true(page:run([[
      const times = [...document.querySelectorAll("#actions time")].map((at) => at.dateTime);
      return times.length > 1 && times.every((at, i) => i === 0 || times[i - 1] >= at);
    ]]))
  end)


  local VIEWS = {
    { "light", { width = 1440, height = 900 } },
    { "dark", { width = 1440, height = 900, dark = true } },
    { "narrow", { width = 390, height = 844 } },
    { "narrow-dark", { width = 390, height = 844, dark = true } },
  }
  for _, view in ipairs(VIEWS) do
    it("is accessible and fits: " .. view[1], function()
      page:window(view[2])
      visit("operator", "#incident/" .. categories().credential_stuffing.id)
      says("#detail", "Timeline")
      socket.sleep(0.5)
      if SHOTS then
        page:screenshot(SHOTS .. "/" .. view[1] .. ".png")
      end

      assert.is_true(page:run("return document.documentElement.scrollWidth <= innerWidth"), "scrolls sideways")
      assert.is_true(page:run("const at = document.getElementById('actions'); return at.scrollWidth <= at.clientWidth"),
                     "what was done scrolls sideways")
      local axe = gateway.read_file(AXE)
      if axe == "" then
        return pending("axe-core is not here: make test-browser installs it")
      end
      local violations = page:run_async(axe .. [[;
        const done = arguments[arguments.length - 1];
        axe.run(document, { resultTypes: ["violations"] }).then((r) => done(r.violations.map((v) =>
          v.id + ": " + v.nodes.map((n) => n.target.join(" ") + " " + n.any.map((a) => a.message).join(", ")).join(" | "))));
      ]])
      assert.same({}, violations)
    end)
  end


  it("says when the gateway is gone, and comes back", function()
    page:window({ width = 1440, height = 900 })
    page:devtools("Network.emulateNetworkConditions", { offline = true, latency = 0, downloadThroughput = -1, uploadThroughput = -1 })
    says("#live", "no connection")
    page:devtools("Network.emulateNetworkConditions", { offline = false, latency = 0, downloadThroughput = -1, uploadThroughput = -1 })
    says("#live", "live")
  end)


  it("leaves no error in the console", function()
    for _, entry in ipairs(page:console()) do
      local expected = entry.message:find("ERR_INTERNET_DISCONNECTED", 1, true) or entry.message:find("TrustedScript", 1, true)
                       or entry.message:find("TrustedHTML", 1, true) or entry.message:find("Content Security Policy", 1, true)
      assert.is_truthy(expected or entry.level ~= "SEVERE", entry.message)
    end
  end)
end)
