-- What a companion takes of data planes: what is signed, new, and of its own time.


local cjson = require "cjson.safe"


local MODULE = "kong.plugins.threat-agent."


describe("a companion", function()
  local respond, now, kept, nonces
  local former_kong, former_ngx

  before_each(function()
    now, kept, nonces = 1000, {}, 0
    former_kong, former_ngx = _G.kong, _G.ngx
    _G.kong = {
      client = { get_ip = function() return "192.0.2.1" end },
      log = { warn = function() end },
      response = { exit = function(status) return status end },
    }
    _G.ngx = {
      time = function() return now end,
      var = {},
      shared = { kong = {
        get = function(_, key) return kept[key] end,
        set = function(_, key, value) kept[key] = value end,
        incr = function(_, key, by, first)
          kept[key] = (kept[key] or first) + by
          return kept[key]
        end,
        safe_add = function(_, key, value)
          if kept[key] ~= nil then
            return nil, "exists"
          end
          kept[key] = value
          return true
        end,
      } },
    }
    local stubs = {
      commands = { ask = function() return {} end },
      exchange = {
        PATH = "/p", HEADER = "X-Signature", NONCE = "X-Nonce", WINDOW_S = 300,
        is_request = function() return true end, sign_answer = function() return "" end,
      },
      raw_body = { read = function() return cjson.encode({}) end },
      settings = {
        look_up = function() return { response = { companion = { key = "k" } } } end,
        is_companion = function() return true end,
      },
    }
    for name, stub in pairs(stubs) do
      package.loaded[MODULE .. name] = stub
    end
    respond = dofile("lua/kong/plugins/threat-agent/companion.lua").ROUTES["/p"].POST
    for name in pairs(stubs) do
      package.loaded[MODULE .. name] = nil
    end
  end)

  after_each(function()
    _G.kong, _G.ngx = former_kong, former_ngx
  end)


  -- Asks what was signed at a time. nonce: a new one without it.
  local function ask(at, nonce)
    nonces = nonces + 1
    ngx.var.http_x_signature = "t=" .. at .. ",v1=00"
    ngx.var.http_x_nonce = nonce or ("nonce-%016d"):format(nonces)
    return respond()
  end


  it("takes what is signed while it runs, once", function()
    assert.equal(200, ask(1000, "nonce-of-the-first"))
    assert.equal(401, ask(1000, "nonce-of-the-first"))
    assert.equal(401, ask(999))
  end)


  it("takes it also where its clock ran ahead at its start and was set back", function()
    assert.equal(200, ask(1000, "nonce-of-the-first"))
    now = 400
    assert.equal(200, ask(400))
    assert.equal(401, ask(1000, "nonce-of-the-first"))
    assert.equal(401, ask(399))
    now = 500
    assert.equal(200, ask(450))
  end)


  it("takes nothing that it may have seen before a reload where that was set back a little", function()
    assert.equal(200, ask(1000))
    now = 900
    assert.equal(401, ask(950))
  end)
end)
