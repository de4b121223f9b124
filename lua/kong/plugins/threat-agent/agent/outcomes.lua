-- What came of a step on a route lately, for what is done there next: the journal knows.

local journal = require "kong.plugins.threat-agent.agent.journal"


local ngx = ngx


-- What was of no use so often in a row is passed over for so long. Units: seconds.
local IN_A_ROW = 2
local REMEMBERED_S = 86400

local USEFUL = { improved = true, none = false, harmful = false }


local _M = {}


local function is_alike(record, incident, policy, number)
  local place = record.place
  return record.policy == policy.id and record.step == number and record.category == incident.category
         and place.route == incident.route and place.service == incident.service
         and place.workspace == incident.workspace
end


-- Whether a step was of no use on an incident's route, against its category, each of the last times. The last
-- step of a policy is never passed over: there is nothing else.
function _M.was_useless_before(incident, policy, number)
  if number == #policy.steps then
    return false
  end

  local useless, now = 0, ngx.time()
  local records = journal.all()
  for i = #records, 1, -1 do
    local record = records[i]
    local is_useful = USEFUL[record.result]
    if is_useful ~= nil and now - record.created_s < REMEMBERED_S and is_alike(record, incident, policy, number) then
      if is_useful then
        return false
      end
      useless = useless + 1
      if useless == IN_A_ROW then
        return true
      end
    end
  end

  return false
end


return _M
