-- Which plugins guard a gateway: the agent neither switches them off nor undoes what was done to them.
-- A plugin that is not known to be harmless is taken for one.

local HARMLESS = {
  ["correlation-id"] = true,
  ["cors"] = true,
  ["file-log"] = true,
  ["http-log"] = true,
  ["post-function"] = true,
  ["pre-function"] = true,
  ["prometheus"] = true,
  ["proxy-cache"] = true,
  ["request-termination"] = true,
  ["request-transformer"] = true,
  ["response-transformer"] = true,
}


local _M = {}


function _M.is_guard(plugin_name)
  return not HARMLESS[plugin_name]
end


return _M
