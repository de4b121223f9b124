-- The agent's actions as any worker can read them: the leader writes them down before each step.

local cjson = require "cjson.safe"
local files = require "kong.plugins.threat-agent.files"
local vocabulary = require "kong.plugins.threat-agent.vocabulary"


local _M = {}


-- Lists the actions of a workspace, the latest first. workspace: nil for all.
function _M.list(workspace)
  local saved = cjson.decode(files.load(files.ACTIONS) or "[]") or {}
  local list = setmetatable({}, cjson.array_mt)
  for i = #saved, 1, -1 do
    if workspace == nil or saved[i].place.workspace == workspace then
      list[#list + 1] = saved[i]
    end
  end

  return list
end


-- Finds an action of a workspace; nil when there is none of the id. workspace: nil for all.
function _M.find(id, workspace)
  for _, record in ipairs(_M.list(workspace)) do
    if record.id == id then
      return record
    end
  end
end


-- Whether an action of a kind stands on a route or service, or waits for it. by: "route", "service".
function _M.stands(action, by, id)
  for _, record in ipairs(_M.list()) do
    local ban = record.action == action and not vocabulary.ENDED[record.state] and record.changes[1].ban
    if ban and ban.by == by and record.place[by] == id then
      return true
    end
  end

  return false
end


-- Whether a record's writes wait to be tried again.
local function is_queued(record)
  return record.tries ~= nil and (record.state == "applying" or record.state == "reverting")
end


-- Says what the latest write that waits has met; nil where none does. It may name addresses.
function _M.queued_because()
  for _, record in ipairs(_M.list()) do
    if is_queued(record) then
      return record.failure
    end
  end
end


-- Sums up for the status: how many actions stand or wait, by what they are enforced, how many writes
-- wait to be tried again, and whether the kill switch is on.
function _M.summary()
  local counts = { active = 0, pending = 0, queued = 0, tiers = {}, killed = files.load(files.KILL) ~= nil }
  for _, record in ipairs(_M.list()) do
    if counts[record.state] then
      counts[record.state] = counts[record.state] + 1
    end
    -- What somebody changed since is enforced nowhere.
    if record.state == "active" and record.tier and record.stands ~= false then
      counts.tiers[record.tier] = (counts.tiers[record.tier] or 0) + 1
    elseif is_queued(record) then
      counts.queued = counts.queued + 1
    end
  end

  return counts
end


return _M
