-- Loads the enabled plugins: handler.lua and schema.lua, in the order they will run.


local entities = require "gateway.entities"


local BUNDLED = { "key-auth", "file-log" }
local ENTITY_FIELDS_OF_HANDLER = { "no_consumer", "no_route", "no_service" }


local loaded = {}


local function expand(names)
  local list, seen = {}, {}
  for name in names:gmatch("[^,%s]+") do
    for _, expanded in ipairs(name == "bundled" and BUNDLED or { name }) do
      if not seen[expanded] then
        seen[expanded] = true
        list[#list + 1] = expanded
      end
    end
  end

  return list
end


local function check_handler(name, handler)
  local priority, version = handler.PRIORITY, handler.VERSION
  if type(priority) ~= "number" or priority ~= math.floor(priority) then
    error(("Plugin %q cannot be loaded because its PRIORITY field is not a valid integer number, got: %q.")
          :format(name, tostring(priority)))
  end

  if type(version) ~= "string" or not version:match("^%d+%.%d+%.%d+$") then
    error(("Plugin %q cannot be loaded because its VERSION field does not follow the \"x.y.z\" format, got: %q.")
          :format(name, tostring(version)))
  end

  if handler.response and (handler.header_filter or handler.body_filter) then
    error(("Plugin %q can't be loaded because it implements both `response` and `header_filter` or `body_filter` methods.")
          :format(name))
  end
end


-- Loads plugins from a comma-separated list; "bundled" stands for those that come along.
local function load(names)
  for _, name in ipairs(expand(names)) do
    local handler = require("kong.plugins." .. name .. ".handler")
    check_handler(name, handler)

    entities.add_plugin(name, require("kong.plugins." .. name .. ".schema"))
    local definition = entities.definition_of("plugins", { name = name })
    for _, flag in ipairs(ENTITY_FIELDS_OF_HANDLER) do
      handler[flag] = definition[flag] or nil
    end

    loaded[#loaded + 1] = { name = name, handler = handler }
  end

  table.sort(loaded, function(a, b)
    if a.handler.PRIORITY == b.handler.PRIORITY then
      return a.name > b.name
    end
    return a.handler.PRIORITY > b.handler.PRIORITY
  end)
end


return {
  load = load,
  loaded = loaded,
}
