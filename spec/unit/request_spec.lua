-- What is gathered of a request's body.


local MODULE = "kong.plugins.threat-agent."


describe("a request's body", function()
  local request, in_memory, file
  local former, former_ngx, former_kong = {}, nil, nil
  local CONF = { payload = { enabled = true, max_body_bytes = 10, read_body_files = true } }

  before_each(function()
    in_memory, file = nil, os.tmpname()
    former_ngx, former_kong = _G.ngx, _G.kong
    _G.kong = {
      configuration = {},
      router = { get_route = function() end, get_service = function() end },
    }
    _G.ngx = {
      ctx = {},
      req = {
        get_method = function() return "POST" end, http_version = function() return 1.1 end,
        read_body = function() end,
        get_body_data = function() return in_memory end,
        get_body_file = function() return not in_memory and file or nil end,
      },
    }
    local stubs = {
      native = {
        STAGE = { whole = 0, rest = 3 },
        UNINSPECTED = { body_too_large = 1, body_on_disk = 2 },
      },
      wire = {
        has = function() return false end, number = function() return 12 end,
        body = function() return in_memory and "pointer", in_memory and 12 end,
      },
    }
    for name, stub in pairs(stubs) do
      former[name] = package.loaded[MODULE .. name]
      package.loaded[MODULE .. name] = stub
    end
    request = dofile("lua/kong/plugins/threat-agent/request.lua")
    for name in pairs(stubs) do
      package.loaded[MODULE .. name] = former[name]
    end

    local handle = assert(io.open(file, "wb"))
    handle:write("0123456789ab")
    handle:close()
  end)

  after_each(function()
    _G.ngx, _G.kong = former_ngx, former_kong
    os.remove(file)
  end)


  local function gathered(from)
    return { from.body, from.body_len, from.body_unread, from.body_unread_bytes, from.method }
  end


  it("is read from its file once, however many looks it takes", function()
    local first = gathered(request.read_whole(CONF, false))
    assert.same({ "0123456789", 10, 1, 2, "POST" }, first)
    local kept = request.body()
    os.remove(file)
    for _ = 1, 3 do
      -- Other requests have their turn.
      request.read_head(0)
      assert.same(first, gathered(request.read_rest(CONF, kept)))
    end
  end)


  it("is not kept where nginx holds it, or where there is none", function()
    in_memory = "0123456789ab"
    -- As LuaJIT's pointers, it is no string.
    request.read_whole(CONF, false).body = newproxy()
    assert.is_nil(request.body())
    request.read_head(0)
    assert.is_nil(request.body())
  end)
end)
