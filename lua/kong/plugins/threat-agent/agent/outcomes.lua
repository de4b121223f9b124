-- What came of a step on a route lately, for what is done there next: the journal knows.

local journal = require "kong.plugins.threat-agent.agent.journal"


local ngx = ngx


-- What was of no use so often in a row is passed over for so long. Units: seconds.
local IN_A_ROW = 2
local REMEMBERED_S = 86400

local USEFUL = { improved = true, none = false, harmful = false }


local _M = {}


local function is_there(record, incident)
  local place = record.place
  return place.route == incident.route and place.service == incident.service and place.workspace == incident.workspace
end


-- Whether a record says what came of a step at an incident's place.
local function is_of(record, incident, policy, number)
  return USEFUL[record.result] ~= nil and record.policy == policy.id and record.step == number
         and ngx.time() - record.created_s < REMEMBERED_S and is_there(record, incident)
end


-- Whether a record did harm to all who go to its place. That brings incidents of its own, which the same step must not
-- answer.
local function has_harmed_all(record)
  return record.result == "harmful" and not record.clients
end


-- Whether a step is passed over on an incident's route: it did harm there the last time, or it was of no use against the
-- incident's category each of the last times. For no use the last step of a policy is never passed over: there is nothing
-- else. Nor is for harm what a person approves.
function _M.was_useless_before(incident, policy, number)
  local useless, is_latest = 0, true
  local records = journal.all()
  for i = #records, 1, -1 do
    local record = records[i]
    if is_of(record, incident, policy, number) then
      if is_latest and has_harmed_all(record) and policy.approval ~= "required" then
        return true
      end
      is_latest = false

      if record.category == incident.category and USEFUL[record.result] then
        return false
      end
      useless = useless + (record.category == incident.category and 1 or 0)
      if useless == IN_A_ROW then
        return number < #policy.steps
      end
    end
  end

  return false
end


return _M
