-- Which instance the agent takes its orders from: the global one.

local _M = {}


local platform     -- the conf


local function is_global(conf)
  return not (conf.route_id or conf.service_id or conf.consumer_id or conf.consumer_group_id)
end


-- Takes in all confs there are (Kong 3.5 and later).
function _M.configure(confs)
  platform = nil
  for _, conf in ipairs(confs) do
    if is_global(conf) then
      platform = conf
    end
  end
end


-- Takes in the conf of a global instance, which alone sees `rewrite`: before Kong 3.5.
function _M.remember(conf)
  platform = conf
end


-- The conf that holds now; nil while there is none, or none that responds.
function _M.get()
  return platform and platform.response.enabled and platform or nil
end


return _M
