-- What a role of deploy/rbac-role.yaml's form allows, as Kong Enterprise reads it: a `*` is one segment.

local lyaml = require "lyaml"


-- Kong Enterprise's names for methods. A PUT creates or updates.
local ACTIONS = {
  GET = { "read" },
  POST = { "create" },
  PUT = { "create", "update" },
  PATCH = { "update" },
  DELETE = { "delete" },
}


local _M = { ACTIONS = ACTIONS }


-- Reads a role. Returns what tells whether it allows a method on a path.
function _M.read(path)
  local file = assert(io.open(path, "rb"))
  local entries = lyaml.load(file:read("*a")).rbac_roles[1].endpoint_permissions
  file:close()

  local patterns = {}
  for i, entry in ipairs(entries) do
    local actions = {}
    for _, action in ipairs(entry.actions) do
      actions[action] = true
    end
    patterns[i] = { "^" .. entry.endpoint:gsub("%-", "%%-"):gsub("%*", "[^/]+") .. "$", actions }
  end

  return function(method, target)
    local asked = target:gsub("%?.*", "")
    for _, action in ipairs(ACTIONS[method] or { "none" }) do
      local allowed = false
      for _, entry in ipairs(patterns) do
        allowed = allowed or asked:find(entry[1]) ~= nil and entry[2][action] == true
      end
      if not allowed then
        return false
      end
    end

    return true
  end
end


return _M
