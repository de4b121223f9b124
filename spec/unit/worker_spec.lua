-- What the master prepares, with a library and a region that only note what they are asked.


local MODULE = "kong.plugins.threat-agent."


describe("the master", function()
  local former, given_to

  local function prepare(configuration, arguments)
    local stubs = {
      files = { BANS = "bans", folder = function() return "folder" end, load = function() end },
      library = { load = function() return true end },
      region = {
        prepare_folder = function(_, user)
          given_to = user
          return true
        end,
        init = function() return true end,
      },
      kong_3_4 = {},
      self_test = {},
    }
    for name, stub in pairs(stubs) do
      former[name], package.loaded[MODULE .. name] = package.loaded[MODULE .. name], stub
    end
    former.ngx, former.kong = _G.ngx, _G.kong
    _G.kong = { configuration = configuration }
    _G.ngx = {
      get_phase = function() return "init" end,
      config = { subsystem = "http", nginx_configure = function() return arguments end },
    }
    dofile("lua/kong/plugins/threat-agent/worker.lua").prepare_master()
    _G.ngx, _G.kong = former.ngx, former.kong
    for name in pairs(stubs) do
      package.loaded[MODULE .. name] = former[name]
    end
    return given_to
  end

  before_each(function()
    former, given_to = {}, nil
  end)

  it("gives the node's folder to the user that Kong names", function()
    assert.equal("kong", prepare({ nginx_user = "kong kong" }, ""))
    assert.equal("www", prepare({ nginx_main_user = "www", nginx_user = "kong" }, ""))
  end)

  it("gives it to nginx's own user where Kong names none", function()
    assert.equal("nobody", prepare({}, " --prefix=/usr/local/openresty/nginx"))
    assert.equal("www-data", prepare({}, " --prefix=/usr --user=www-data --group=www-data"))
  end)
end)
