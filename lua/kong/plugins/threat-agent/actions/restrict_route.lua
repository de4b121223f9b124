-- Lets the incident's route take some methods only.

local effect = require "kong.plugins.threat-agent.effect"


local _M = {}


function _M.plan(record, _, step, client)
  local id = record.place.route
  if id == "" or not step.methods then
    return nil, id == "" and "the incident has no route" or "the step names no methods"
  end

  local api, err, passes = client()
  local route
  if api then
    route, err, passes = api:get("routes", id)
  end
  if not route then
    return nil, err or "the route is gone", passes or false
  end

  record.touches_ratio = effect.good_ratio(record.place)
  record.changes = {
    { op = "patch", kind = "routes", id = id, tags = route.tags, set = { methods = step.methods },
      before = { methods = route.methods or ngx.null } },
  }
  return true
end


return _M
