-- What reviews of the configuration found, from one to the next, and what incidents say of it.


require "spec.support.plugin"


local cjson = require "cjson.safe"


_G.ngx = _G.ngx or { null = cjson.null }


describe("findings", function()
  local findings, file_text, version
  local before


  local function finding(id, fields)
    local made = { kind = "orphaned", entity = "route", id = id, workspace = "w", reason = "route " .. id .. " has no service" }
    for name, value in pairs(fields or {}) do
      made[name] = value
    end

    return made
  end


  -- As another worker, or the next leader, reads them.
  local function reload()
    package.loaded["kong.plugins.threat-agent.findings"] = nil
    findings = require "kong.plugins.threat-agent.findings"
  end


  before_each(function()
    before = { shared = _G.ngx.shared, loaded = {} }
    for _, name in ipairs({ "files", "findings", "incidents", "names", "region" }) do
      before.loaded[name] = package.loaded["kong.plugins.threat-agent." .. name]
    end
    file_text, version = nil, 0
    package.loaded["kong.plugins.threat-agent.files"] = {
      FINDINGS = "findings.json", load = function() return file_text end,
      save = function(_, text) file_text = text return true end,
    }
    _G.ngx.shared = { kong = {
      get = function() return version end,
      incr = function() version = version + 1 return version end,
    } }
    reload()
  end)

  after_each(function()
    _G.ngx.shared = before.shared
    for _, name in ipairs({ "files", "findings", "incidents", "names", "region" }) do
      package.loaded["kong.plugins.threat-agent." .. name] = before.loaded[name]
    end
  end)


  it("are none as long as nothing was reviewed", function()
    assert.is_nil(findings.list())
    assert.is_nil(findings.counts())
    assert.same({}, findings.about("a", "s"))
  end)


  it("are new once, also for the next leader", function()
    assert.equal(2, #findings.note({ finding("a"), finding("b") }, 10))
    assert.equal(0, #findings.note({ finding("a"), finding("b") }, 20))
    reload()
    local fresh = findings.note({ finding("a"), finding("a", { kind = "shadowed" }) }, 30)
    assert.equal(1, #fresh)
    assert.equal("shadowed", fresh[1].kind)
    assert.same({ 10, 30 }, { findings.list()[1].since_s, findings.list()[2].since_s })

    findings.note({}, 40)
    assert.same({ orphaned = 0, shadowed = 0, unauthenticated = 0 }, findings.counts())
    assert.equal(1, #findings.note({ finding("a") }, 50))
  end)


  it("are kept up to a number, and counted all", function()
    local many = {}
    for n = 1, 700 do
      many[n] = finding("r" .. n)
    end
    assert.equal(500, #findings.note(many, 10))
    assert.equal(500, #findings.list())
    assert.equal(700, findings.counts().orphaned)
  end)


  it("are a workspace's own", function()
    findings.note({ finding("a"), finding("b", { workspace = "other" }) }, 10)
    assert.equal(1, #findings.list("other"))
    assert.equal(1, findings.counts("other").orphaned)
    assert.equal(2, findings.counts().orphaned)
  end)


  it("are named by incidents of a misconfiguration on their route, or on the service behind", function()
    findings.note({
      finding("a"), finding("a", { kind = "unauthenticated", reason = "route a has no authentication" }),
      finding("u", { entity = "upstream", services = { "s" }, reason = "upstream u has no target" }),
    }, 10)

    local category
    package.loaded["kong.plugins.threat-agent.names"] = { add = function() end }
    package.loaded["kong.plugins.threat-agent.region"] = {
      next_incident = function()
        return cjson.encode({ category = category, route = "a", service = "s", reasons = { "errors" }, history = {},
                              sample_references = {}, top_clients = {} }), 1
      end,
    }
    package.loaded["kong.plugins.threat-agent.incidents"] = nil
    local incidents = require "kong.plugins.threat-agent.incidents"

    category = "route_misconfiguration"
    assert.same({ "errors", "found in the configuration (route a has no service)",
                  "found in the configuration (upstream u has no target)" }, { unpack(incidents.next(0).reasons) })
    category = "mass_error"
    assert.same({ "errors" }, { unpack(incidents.next(0).reasons) })
  end)
end)
