-- What is usual on the routes and of the consumers, with the limits that it suggests and what changed for good.

local baselines = require "kong.plugins.threat-agent.baselines"
local paging = require "kong.plugins.threat-agent.views.paging"


local _M = {}


-- Lists places by their ids, in pages; one route's or consumer's, if one is asked for.
function _M.list(ask)
  local query = ask.query
  local asked, wrong = paging.read(query)
  if not asked then
    return 400, { message = wrong }
  end

  local list = {}
  for _, place in ipairs(baselines.list(ask.workspace)) do
    if (not query.route or place.route == query.route) and (not query.consumer or place.consumer == query.consumer) then
      list[#list + 1] = place
    end
  end

  return 200, paging.page(list, asked)
end


return _M
