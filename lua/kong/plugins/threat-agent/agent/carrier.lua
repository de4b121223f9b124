-- Who carries a record's changes out, and takes them back: this node in memory, this node by the
-- Admin API, or the companion that holds the Admin API's credential. `record.tier` says which it is, and who
-- began with a record ends it, whatever the configuration says by then.
--
-- Each function returns true; or nil, an error, whether another try may succeed, and whether what stands there is by
-- now somebody else's.

local admin = require "kong.plugins.threat-agent.admin"
local bequest = require "kong.plugins.threat-agent.agent.bequest"
local companion = require "kong.plugins.threat-agent.admin.companion"
local operations = require "kong.plugins.threat-agent.agent.operations"
local reach = require "kong.plugins.threat-agent.admin.reach"
local replica = require "kong.plugins.threat-agent.admin.replica"
local settings = require "kong.plugins.threat-agent.settings"
local unsettled = require "kong.plugins.threat-agent.agent.unsettled"
local usual = require "kong.plugins.threat-agent.actions.usual"


local ngx = ngx
local ipairs = ipairs


-- States of the companion's action of which nothing stands that it could take back.
local GONE = { reverted = true, expired = true, refused = true, failed = true, handed_out = true, unknown = true }


local _M = {}


-- Whether a record changes entities.
function _M.is_remote(record)
  for _, change in ipairs(record.changes) do
    if operations.is_remote(change) then
      return true
    end
  end

  return false
end


-- Whether the companion is who changes a record's entities.
function _M.is_delegated(record, conf)
  if record.tier then
    return record.tier == "companion"
  end

  return settings.asks_companion(conf) and _M.is_remote(record)
end


-- Settles who carries a record out and until when, before anything is done. Which kind of Admin API it is shows when
-- that answers.
function _M.settle(record, conf)
  record.applied_s = ngx.time()
  record.expires_s = record.ttl_s > 0 and record.applied_s + record.ttl_s or nil
  for _, change in ipairs(record.expires_s and record.changes or {}) do
    operations.stamp(change, record.expires_s)
  end
  record.tier = _M.is_delegated(record, conf) and "companion" or _M.is_remote(record) and "admin_api" or "memory"
end


-- What actions are planned from: a reader of entities.
function _M.reader(record, conf)
  if settings.asks_companion(conf) then
    return replica
  end

  return admin.client(conf.response.admin_api, record.place.workspace)
end


local calls = setmetatable({}, { __mode = "k" })     -- record → what was last asked of the Admin API for it


local function client_for(record, conf)
  if not _M.is_remote(record) then
    return true
  end

  local client, err, passes, is_gone = admin.client(conf.response.admin_api, record.place.workspace)
  calls[record] = client and client.settings.calls
  return client, err, passes, is_gone
end


-- Takes what was last asked of the Admin API for a record: { method, path, status } each, without a status where no answer
-- came. nil where there was nothing, or that was taken before.
function _M.take_calls(record)
  local asked = calls[record]
  calls[record] = nil
  return asked and asked[1] and asked
end


-- What the companion is told: which step of which policy, where, and against whom. What is to be
-- changed it finds out by itself.
local function question(command, record)
  local asked = {
    command = command,
    id = record.id,
    created_s = record.created_s,
    incident = record.incident,
    category = record.category,
    title = record.title,
    policy = record.policy,
    step = record.step,
    place = { workspace = record.place.workspace, service = record.place.service, route = record.place.route },
    by = record.by,
    clients = record.clients,
    touches_ratio = record.touches_ratio,
    opened_s = record.opened_s,
    result = record.result,
  }
  if command == "apply" then
    asked.per_minute = usual.requests(record.place, 60, record.target)
  end

  return asked
end


local function said(answer)
  return "the companion's action is " .. tostring(answer.state) .. (answer.why and ": " .. tostring(answer.why) or "")
end


local function apply_there(record, conf)
  local answer, err, passes = companion.ask(conf.response.companion, question("apply", record))
  if not answer then
    return nil, err, passes
  elseif answer.state ~= "active" or type(answer.changes) ~= "table" then
    return nil, said(answer), not GONE[answer.state] and answer.state ~= "conflict"
  end

  record.changes = answer.changes
  return true
end


local function take_back_there(record, conf)
  local answer, err, passes = companion.ask(conf.response.companion, question("revert", record))
  if not answer then
    return nil, err, passes
  elseif GONE[answer.state] then
    return true
  end

  local is_foreign = answer.state == "conflict"
  return nil, said(answer), not is_foreign, is_foreign
end


-- The client for a record when it may write. Returns nil, why it may not, whether another try may succeed, and whether the
-- record's workspace is gone.
local function writer_for(record, conf)
  local client, err, passes, is_gone = client_for(record, conf)
  if type(client) == "table" and client.tier == "dbless" and unsettled.may_undo(record) then
    return nil, "a configuration that the former leader was sending may land yet", true
  end

  return client, err, passes, is_gone
end


local function apply(record, conf)
  if _M.is_delegated(record, conf) then
    return apply_there(record, conf)
  end

  local client, err, passes = writer_for(record, conf)
  if not client then
    return nil, err, passes
  end

  bequest.leave(record, conf)
  for _, change in ipairs(record.changes) do
    local ok
    ok, err, passes = operations.apply(change, client)
    if not ok then
      return nil, err, passes
    end
  end

  record.tier = type(client) == "table" and client.tier or record.tier
  return true
end


-- Does what may change entities with a record, which is written down before, and what came of it after. work: apply() or
-- take_back(), whose results it returns. undoes: whether it is the latter.
local function noted(work, record, conf, undoes)
  if not _M.is_remote(record) then
    return work(record, conf)
  end

  local ok, err = unsettled.begin(record, undoes)
  local passes, is_foreign = true, nil
  if ok then
    ok, err, passes, is_foreign = work(record, conf)
  end
  unsettled.finish(record, passes)

  return ok, err, passes, is_foreign
end


-- Applies a record; twice is as well as once.
function _M.apply(record, conf)
  return noted(apply, record, conf)
end


local function take_back(record, conf)
  if _M.is_delegated(record, conf) then
    return take_back_there(record, conf)
  end

  local client, err, passes, is_gone = writer_for(record, conf)
  if not client then
    return nil, err, passes, is_gone
  end

  local failure, conflict
  for i = #record.changes, 1, -1 do
    local ok, why, may_pass, is_foreign = operations.revert(record.changes[i], client)
    if not ok and is_foreign then
      conflict = conflict or why
    elseif not ok then
      failure = failure or why
      passes = passes == reach.UNANSWERED and passes or may_pass
    end
  end

  if failure then
    return nil, failure, passes
  elseif conflict then
    return nil, conflict, false, true
  end

  return true
end


-- Takes back what was applied, the last first. What cannot be taken back, or is somebody else's by now, holds up
-- nothing else.
function _M.take_back(record, conf)
  local ok, err, passes, is_foreign = noted(take_back, record, conf, true)
  if (ok or is_foreign) and unsettled.may_land(record) then
    return nil, "a write that got no answer may land yet", true
  elseif ok or is_foreign then
    bequest.withdraw(record, conf)
  end

  return ok, err, passes, is_foreign
end


-- Tells whether what a record changed, or one change of it, stands as it was left. nil where that cannot be said now.
function _M.stands(record, conf, change)
  if _M.is_delegated(record, conf) then
    local answer = companion.ask(conf.response.companion, question("verify", record))
    return answer and answer.stands
  end

  local client = client_for(record, conf)
  if not client then
    return nil
  end

  local looker = client ~= true and client:looker() or nil
  for _, one in ipairs(change and { change } or record.changes) do
    local stands = operations.stands(one, looker)
    if not stands then
      return stands
    end
  end

  return true
end


return _M
