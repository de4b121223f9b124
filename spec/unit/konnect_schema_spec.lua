-- The schema as Konnect takes it: the same, in one file that requires nothing.


local plugin = require "spec.support.plugin"


-- Drops what the flat file leaves out.
local function without_functions(value)
  if type(value) ~= "table" then
    return value
  end

  local copy = {}
  for k, v in pairs(value) do
    if type(v) ~= "function" then
      copy[k] = without_functions(v)
    end
  end

  return copy
end


describe("the flattened schema", function()
  for _, name in ipairs({ "threat-agent", "threat-agent-dashboard" }) do
    it("of " .. name .. " needs nothing and says the same", function()
      local pipe = assert(io.popen("luajit deploy/konnect/flatten.lua " .. name))
      local text = pipe:read("*a")
      pipe:close()

      local schema = plugin.schema(name)
      local flat = setfenv(assert(loadstring(text)), { ngx = { null = ngx.null } })
      assert.same(without_functions(schema), flat())
    end)
  end
end)
