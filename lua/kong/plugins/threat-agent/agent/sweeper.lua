-- The dead man's switch: what an agent made and can no longer take away (its node is gone, or its
-- file) goes when its time is over, by whichever agent is left. The time stands in a tag.

local admin = require "kong.plugins.threat-agent.admin"
local database = require "kong.plugins.threat-agent.database"
local journal = require "kong.plugins.threat-agent.agent.journal"


local kong = kong
local ngx = ngx
local ipairs = ipairs
local tonumber = tonumber


-- What the agent makes, the one that every Admin API knows first.
local KINDS = { "plugins", "acls" }

-- Units: seconds.
local EVERY_S = 60
-- The agent that made it takes it away in time, if it lives.
local GRACE_S = 60


local _M = {}


local swept_at = 0


local function expires_s(entity)
  for _, tag in ipairs(entity.tags) do
    local time = tag:match("^expires:(%d+)$")
    if time then
      return tonumber(time)
    end
  end
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


-- Takes away what is overdue in a workspace. Returns nil and an error where it cannot be looked for.
local function sweep_in(workspace, api, mine)
  local client = admin.client(api, workspace)
  if not client then
    -- A node without an Admin API makes nothing there either.
    return true
  end

  for _, kind in ipairs(KINDS) do
    local found, err = client:tagged(kind, "threat-agent")
    if found == nil or (found == false and kind == "plugins") then
      return nil, "could not look for what other agents left behind: " .. (err or "the Admin API lists no plugins")
    end

    for _, entity in ipairs(found or {}) do
      local time = expires_s(entity)
      if time and time + GRACE_S < ngx.now() and not mine[entity.id] then
        local ok
        ok, err = client:delete(kind, entity.id)
        kong.log.notice(kind, " ", entity.id, " (", entity.name or entity.group, ") of an agent that is gone: ",
                        ok and "deleted, its time was over" or err)
      end
    end
  end

  return true
end


-- Looks once a minute, where anything is written at all. Returns nil and an error where the Admin API cannot be asked.
function _M.sweep(conf)
  local now = ngx.now()
  local api = conf.response.admin_api
  if now - swept_at < EVERY_S or api.writes == "patch" then
    return true
  end

  swept_at = now
  local workspaces, err = database.workspaces()
  local mine = own()
  for _, workspace in ipairs(workspaces or {}) do
    local ok, why = sweep_in(workspace, api, mine)
    err = not ok and why or err
  end

  return err == nil or nil, err
end


return _M
