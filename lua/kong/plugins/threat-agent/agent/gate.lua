-- Whether an action may be taken: protected entities, kill switch, other actions on the same entity, budget,
-- blast radius. Each refusal says why.

local access = require "kong.plugins.threat-agent.agent.access"
local blast_radius = require "kong.plugins.threat-agent.agent.blast_radius"
local carrier = require "kong.plugins.threat-agent.agent.carrier"
local database = require "kong.plugins.threat-agent.database"
local files = require "kong.plugins.threat-agent.files"
local journal = require "kong.plugins.threat-agent.agent.journal"
local overlap = require "kong.plugins.threat-agent.agent.overlap"
local protected = require "kong.plugins.threat-agent.agent.protected"
local vocabulary = require "kong.plugins.threat-agent.vocabulary"


local ngx = ngx
local ceil = math.ceil
local ipairs = ipairs
local pairs = pairs


local _M = {}


local killed = false     -- whether this worker was told to stop, whatever the disk does


-- Whether everything is to be taken back and nothing done: by the configuration or by the file
-- that POST /threat-agent/kill makes.
function _M.is_killed(conf)
  return conf.response.kill_switch or killed or files.load(files.KILL) ~= nil
end


-- Sets the kill switch. Returns true; or nil and an error where the next leader will not know of it.
function _M.kill(by)
  killed = true
  return files.save(files.KILL, by)
end


function _M.unkill()
  killed = false
  files.remove(files.KILL)
end


-- Counts what the agent did lately and what of it stands, of what changes the configuration or of what stays in memory:
-- operators spend nothing of it. workspace: nil for all.
local function spent(is_remote, workspace)
  local minute, hour, active = 0, 0, 0
  local now = ngx.time()
  for _, record in ipairs(journal.all()) do
    if not record.by_operator and carrier.is_remote(record) == is_remote
       and (not workspace or record.place.workspace == workspace)
    then
      local age_s = record.applied_s and now - record.applied_s
      -- What lies ahead is from before the clock was set back: how long ago nobody can say.
      minute = minute + (age_s and age_s >= 0 and age_s < 60 and 1 or 0)
      hour = hour + (age_s and age_s >= 0 and age_s < 3600 and 1 or 0)
      active = active + (vocabulary.IN_FORCE[record.state] and 1 or 0)
    end
  end

  return minute, hour, active
end


-- whose: what the words of a refusal begin with.
local function over(budget, is_remote, ratio, workspace, whose)
  local minute, hour, active = spent(is_remote, workspace)
  local what = is_remote and " actions" or " actions in memory"
  local per_minute, per_hour, most = ceil(ratio * budget.per_minute), ceil(ratio * budget.per_hour),
                                     ceil(ratio * budget.active)
  if minute >= per_minute then
    return whose .. "budget of " .. per_minute .. what .. " a minute is spent"
  elseif hour >= per_hour then
    return whose .. "budget of " .. per_hour .. what .. " an hour is spent"
  elseif active >= most then
    return whose .. "budget of " .. most .. what .. " that stand at once is spent"
  end
end


-- The share of the budget that a workspace may spend.
local function ratio_of(workspace, budget)
  for entry, ratio in pairs(budget.workspaces or {}) do
    if entry == workspace or entry == database.workspace_name(workspace) then
      return ratio
    end
  end

  return budget.workspace_ratio or 1
end


-- Who makes the agent spend its changes of the configuration has not spent its bans.
local function over_budget(budget, record)
  local is_remote = carrier.is_remote(record)
  local of_kind = is_remote and budget or budget.memory
  local workspace = record.place.workspace
  local ratio = ratio_of(workspace, budget)
  return over(of_kind, is_remote, 1, nil, "the ")
         or over(of_kind, is_remote, ratio, workspace, "its workspace's ")
end


-- Decides on a planned record. Returns true; or nil and why not, which may be otherwise in a moment. What other actions do
-- comes last: what is asked before may wait for a database, and meanwhile another one may begin.
function _M.check(record, conf)
  local response = conf.response
  local why = _M.is_killed(conf) and "the kill switch is on"
              or protected(record, response.protected)
              or access(record, response)
              or blast_radius(record, response.blast_radius)
              or not record.by_operator and over_budget(response.budget, record)
              or overlap(record)
              or nil

  return why == nil or nil, why
end


return _M
