-- Which instance the agent takes its orders from: the global one.

local kong = kong


local _M = {}


local platform     -- the conf
local last         -- the latest that there was


-- In a workspace of its own an instance without a route or service is a team's, not the platform's.
local function is_global(conf)
  local workspace = conf.__ws_id
  return not (conf.route_id or conf.service_id or conf.consumer_id or conf.consumer_group_id)
         and (workspace == nil or workspace == kong.default_workspace)
end


-- Takes in all confs there are (Kong 3.5 and later).
function _M.configure(confs)
  platform = nil
  for _, conf in ipairs(confs) do
    if is_global(conf) then
      platform, last = conf, conf
    end
  end
end


-- Takes in the conf of a global instance, which alone sees `rewrite`: before Kong 3.5.
function _M.remember(conf)
  if conf ~= platform and is_global(conf) then
    platform, last = conf, conf
  end
end


-- The conf that holds now, whatever it allows; nil while there is none.
function _M.platform()
  return platform
end


-- The conf that what was done is to be ended by, also when the instance is gone; nil when there was
-- none.
function _M.last()
  return platform or last
end


return _M
