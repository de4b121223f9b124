-- The dead man's switch: what an agent made or changed and can no longer take back (its node is gone, or its
-- file) goes when its time is over, by whichever agent is left. The time of what was made stands in a tag, that of what
-- was changed in the store, where there is one.

local admin = require "kong.plugins.threat-agent.admin"
local bequest = require "kong.plugins.threat-agent.agent.bequest"
local database = require "kong.plugins.threat-agent.database"
local elapsed = require "kong.plugins.threat-agent.elapsed"
local journal = require "kong.plugins.threat-agent.agent.journal"
local operations = require "kong.plugins.threat-agent.agent.operations"
local unsettled = require "kong.plugins.threat-agent.agent.unsettled"


local kong = kong
local ngx = ngx
local ipairs = ipairs
local tonumber = tonumber
local tostring = tostring
local type = type


-- What everything carries that the agent makes.
local TAG = "threat-agent"

-- What the agent makes, the one that every Admin API knows first.
local KINDS = { "plugins", "acls" }

-- Units: seconds.
local EVERY_S = 60
-- The agent that made it takes it away in time, if it lives.
local GRACE_S = 60


local _M = {}


local swept_at = 0


-- When the time of what an agent made is over; nil for what is not an agent's: not every Admin API knows tags.
local function expires_s(entity)
  local is_made, time = false, nil
  for _, tag in ipairs(type(entity) == "table" and type(entity.tags) == "table" and entity.tags or {}) do
    is_made = is_made or tag == TAG
    time = time or tonumber(tostring(tag):match("^expires:(%d+)$"))
  end

  return is_made and time or nil
end


-- The ids of what stands by this node's own journal.
local function own()
  local ids = {}
  for _, record in ipairs(journal.all()) do
    if not journal.is_ended(record) then
      for _, change in ipairs(record.changes) do
        ids[change.id or ""] = true
      end
    end
  end

  return ids
end


-- The client for a workspace, when it may write: on a DB-less node not while what a former leader was sending may land over
-- it. (With a database what lands late deletes what was overdue anyhow, or sets back what was compared right before.) Returns
-- nil, and whether the workspace is gone.
local function writer_in(workspace, api)
  local client, _, _, is_gone = admin.client(api, workspace)
  if client and client.tier == "dbless" and unsettled.may_undo() then
    return nil
  end

  return client, is_gone
end


-- Does what may change entities, which is written down before, and what came of it after. Returns what `work` does: true; or
-- nil, an error, whether another try may succeed, and whether what stands there is somebody else's.
local function noted(work, ...)
  local ok, err = unsettled.begin_sweep()
  if not ok then
    return nil, err, true
  end

  local passes, is_foreign
  ok, err, passes, is_foreign = work(...)
  unsettled.finish_sweep(passes)

  return ok, err, passes, is_foreign
end


-- Takes away what is overdue in a workspace. Returns nil and an error where it cannot be looked for.
local function sweep_in(workspace, api, mine)
  local client = writer_in(workspace, api)
  if not client then
    -- A node without an Admin API makes nothing there either; one that waits for a former leader's write looks again.
    return true
  end

  for _, kind in ipairs(KINDS) do
    local found, err = client:tagged(kind, TAG)
    if found == nil or (found == false and kind == "plugins") then
      return nil, "could not look for what other agents left behind: " .. (err or "the Admin API lists no plugins")
    end

    for _, entity in ipairs(found or {}) do
      local time = expires_s(entity)
      if time and time + GRACE_S < ngx.now() and not mine[entity.id] then
        local ok
        ok, err = noted(client.delete, client, kind, entity.id)
        kong.log.notice(kind, " ", entity.id, " (", entity.name or entity.group, ") of an agent that is gone: ",
                        ok and "deleted, its time was over" or err)
      end
    end
  end

  return true
end


-- Sets back what a lost node changed, the last first. Returns whether that is done; nil and an error where it is not.
local function set_back(left, client)
  local failure
  for i = #left.changes, 1, -1 do
    local ok, err, _, is_foreign = noted(operations.revert, left.changes[i], client)
    if not ok then
      kong.log.notice(left.changes[i].kind, " ", left.changes[i].id, " of an agent that is gone: ", err)
    end
    failure = not ok and not is_foreign and err or failure
  end

  return failure == nil or nil, failure
end


-- Parts what lies in the store into what is over, what is overdue, and the ids of what stands.
local function sort(list, standing)
  local over, overdue = {}, {}
  for _, left in ipairs(list) do
    local record = left.node == kong.node.get_id() and journal.get(left.id)
    if record and journal.is_ended(record) then
      over[#over + 1] = left
    elseif record or left.expires_s + GRACE_S >= ngx.now() then
      for _, change in ipairs(left.changes) do
        standing[change.id] = true
      end
    else
      overdue[#overdue + 1] = left
    end
  end

  return over, overdue
end


-- Whether an action that stands has changed one of the same since.
local function is_taken_on(left, standing)
  for _, change in ipairs(left.changes) do
    if standing[change.id] then
      return true
    end
  end
end


-- Takes back what a lost node did. Returns whether that is over, by now or because its workspace is gone; and an error.
local function take_back(left, conf)
  local client, is_gone = writer_in(left.workspace, conf.response.admin_api)
  if not client then
    return is_gone
  end

  local ok, err = set_back(left, client)
  if ok then
    kong.log.notice("the action ", left.id, " of node ", left.node, " is taken back, its time was over")
  end
  return ok, err
end


-- Sets back what lost nodes changed. standing: ids of what stands, which is added to. Returns nil and an error where that
-- cannot be looked for, or not be done.
local function sweep_store(conf, standing)
  local list, err = bequest.list(conf)
  if not list then
    return nil, "could not look for what other agents changed: " .. tostring(err)
  end

  local failure
  local over, overdue = sort(list, standing)
  for _, left in ipairs(overdue) do
    local ok, why = false, nil
    if not is_taken_on(left, standing) then
      ok, why = take_back(left, conf)
    end
    over[#over + 1] = ok and left or nil
    failure = why or failure
  end
  for _, left in ipairs(over) do
    local ok, why = bequest.forget(left, conf)
    failure = not ok and why or failure
  end

  return failure == nil or nil, failure and "could not take back what another agent changed: " .. tostring(failure)
end


-- Looks once a minute, where anything is written at all. Returns nil and an error where the Admin API cannot be asked.
function _M.sweep(conf)
  local now = ngx.now()
  local api = conf.response.admin_api
  if not elapsed(swept_at, EVERY_S, now) or api.writes == "patch" then
    return true
  end

  swept_at = now
  local workspaces, err = database.workspaces()
  local mine = own()
  for _, workspace in ipairs(workspaces or {}) do
    local ok, why = sweep_in(workspace, api, mine)
    err = not ok and why or err
  end
  local ok, why = sweep_store(conf, mine)
  err = not ok and why or err

  return err == nil or nil, err
end


return _M
