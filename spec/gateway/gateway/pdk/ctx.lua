-- kong.ctx: `shared` for all plugins of a request, `plugin` for each plugin alone.


local base = require "resty.core.base"


local SHARED_KEY = {}


local function key_of(name, ctx)
  if name == "shared" then
    return SHARED_KEY
  end

  return name == "plugin" and ctx.KONG_PLUGIN_HANDLER or nil
end


local function new()
  return setmetatable({}, {
    __index = function(_, name)
      if not base.get_request() then
        return nil
      end

      local ctx = ngx.ctx
      local key = key_of(name, ctx)
      if not key then
        return nil
      end

      local found = ctx[key]
      if not found then
        found = {}
        ctx[key] = found
      end
      return found
    end,
  })
end


return { new = new }
