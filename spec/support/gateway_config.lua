-- A gateway's configuration: the file that it starts with, and what specs change of it while it runs.

local cjson = require "cjson.safe"
local lyaml = require "lyaml"
local system = require "spec.support.system"


local methods = {}


-- Writes the file that the gateway reads at its start and at reloads.
function methods:write_config(config)
  system.write_file(self.config_path, type(config) == "table" and cjson.encode(config) or config)
end


-- The configuration file as a table, with everything filled in.
function methods:config()
  return lyaml.load(system.read_file(self.prefix .. "/config.yml"))
end


local function merge(target, patch)
  for key, value in pairs(patch) do
    if type(value) == "table" and type(target[key]) == "table" and value[1] == nil then
      merge(target[key], value)
    else
      target[key] = value
    end
  end
end


-- Calls visit(plugin) for each plugin in a declarative table, nested or not.
local function each_plugin(node, visit)
  for key, value in pairs(node) do
    if type(value) == "table" then
      if key == "plugins" then
        for _, plugin in ipairs(value) do
          visit(plugin)
        end
      else
        each_plugin(value, visit)
      end
    end
  end
end


local function patch_declarative(self, name, config)
  self.declarative = self.declarative or self:config()
  each_plugin(self.declarative, function(plugin)
    if plugin.name == name then
      plugin.config = plugin.config or {}
      merge(plugin.config, config)
    end
  end)

  return self:admin("POST", "/config", self.declarative)
end


-- The plugin entities of that name, from the Admin API.
function methods:plugins(name)
  local found = {}
  for _, plugin in ipairs(self:admin("GET", "/plugins").json.data) do
    if plugin.name == name then
      found[#found + 1] = plugin
    end
  end

  return found
end


-- Changes part of the configuration of every plugin of that name, however the gateway wants
-- it: by PATCH, or by replacing the whole where there is no database. Gives the Admin API's
-- (last) response. The change is at work in all workers some time later: wait for it.
function methods:patch_plugin(name, config)
  if self.kind == "kong" then
    return patch_declarative(self, name, config)
  end

  local response
  for _, plugin in ipairs(self:plugins(name)) do
    response = self:admin("PATCH", "/plugins/" .. plugin.id, { config = config })
  end
  return response
end


return methods
