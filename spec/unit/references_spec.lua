-- What Kong's search for vault references gets to see of a configuration.


require "spec.support.plugin"
_G.ngx = _G.ngx or { null = require("cjson").null }
_G.kong = _G.kong or {}


local configuration = require "kong.plugins.threat-agent.configuration"
local references = require "kong.plugins.threat-agent.references"
local settings = require "kong.plugins.threat-agent.settings"


-- What `pairs` shows where LuaJIT knows `__pairs`, as Kong's does.
local function shown(conf)
  local names = {}
  for name in getmetatable(conf).__pairs(conf) do
    names[#names + 1] = name
  end

  table.sort(names)
  return names
end


local function conf()
  return {
    mode = "enforce",
    payload = { threshold = 0.5, families = { "xss" } },
    notifications = { channels = { { type = "webhook", url = "x", ["$refs"] = { url = "{vault://env/url}" } } } },
    response = { ledger_key = "y", ["$refs"] = { ledger_key = "{vault://env/key}" } },
  }
end


describe("a configuration", function()
  it("shows Kong what holds references, and nothing else", function()
    local narrowed = conf()
    references.narrow(narrowed)
    assert.same({ "notifications", "response" }, shown(narrowed))
    assert.equal(0.5, narrowed.payload.threshold)

    local plain = conf()
    plain.notifications, plain.response = nil, nil
    references.narrow(plain)
    assert.same({}, shown(plain))
  end)

  it("is described in whole all the same", function()
    local narrowed = conf()
    references.narrow(narrowed)
    settings.configure({ narrowed })
    local described = configuration.get()
    settings.configure({})
    assert.equal("enforce", described.mode)
    assert.same({ "xss" }, described.payload.families)
    assert.is_nil(getmetatable(described))
  end)
end)
