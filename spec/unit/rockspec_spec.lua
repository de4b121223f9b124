-- The rock installs every file of the plugin, under the name that Kong requires it by.


local plugin = require "spec.support.plugin"


local PLUGINS = "lua/kong/plugins"
local FOLDER = PLUGINS .. "/threat-agent"


-- A rockspec is Lua that assigns globals.
local function load_rockspec()
  local version = plugin.read("Cargo.toml"):match('version = "([%d%.]+)"')
  local chunk = assert(loadfile(("%s/kong-plugin-threat-agent-%s-1.rockspec"):format(plugin.repo, version)))
  local rockspec = {}
  setfenv(chunk, rockspec)()
  return rockspec
end


describe("the rockspec", function()
  local rockspec = load_rockspec()
  local installed = rockspec.build.install

  it("installs the plugin's modules, all of them and no others", function()
    local modules = {}
    for _, path in ipairs(plugin.lua_files(PLUGINS)) do
      local name = path:match("/kong/plugins/(.+)%.lua$")
      modules["kong.plugins." .. name:gsub("/", ".")] = PLUGINS .. "/" .. name .. ".lua"
    end

    assert.same(modules, installed.lua)
  end)

  it("installs the library under the name that library.lua looks for", function()
    local name, file = next(installed.lib)
    assert.matches('package.searchpath("' .. name .. '", package.cpath)', plugin.read(FOLDER .. "/library.lua"), 1, true)
    assert.equal("target/release/" .. name .. ".so", file)
  end)

  it("builds with the versions of Cargo.lock", function()
    assert.matches("--locked", rockspec.build.build_command, 1, true)
  end)

  it("builds the shared library alone, as the image and `make build` do", function()
    -- Beside a Rust library, which tests link, Cargo leaves link-time optimization out.
    local builds = { rockspec.build.build_command, plugin.read("Makefile"), plugin.read("Dockerfile") }
    for _, text in ipairs(builds) do
      assert.matches("-p threat-agent-ffi --lib --crate-type cdylib", text, 1, true)
    end
  end)
end)
