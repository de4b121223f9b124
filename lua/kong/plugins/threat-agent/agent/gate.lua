-- Whether an action may be taken: kill switch, protected entities, budget, blast radius. Each
-- refusal says why.

local files = require "kong.plugins.threat-agent.files"
local journal = require "kong.plugins.threat-agent.agent.journal"
local owners = require "kong.plugins.threat-agent.owners"
local protected = require "kong.plugins.threat-agent.agent.protected"
local vocabulary = require "kong.plugins.threat-agent.vocabulary"


local ngx = ngx
local ceil = math.ceil
local floor = math.floor
local ipairs = ipairs
local max = math.max
local pairs = pairs


-- What names a consumer.
local BY_CONSUMER = { consumer = true, credential = true }

-- What refuses nobody.
local SPARING = { allow = true, tag = true }


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


-- Counts what was done lately and what stands. workspace: nil for all.
local function spent(workspace)
  local minute, hour, active = 0, 0, 0
  local now = ngx.time()
  for _, record in ipairs(journal.all()) do
    if not workspace or record.place.workspace == workspace then
      local age_s = record.applied_s and now - record.applied_s
      minute = minute + (age_s and age_s < 60 and 1 or 0)
      hour = hour + (age_s and age_s < 3600 and 1 or 0)
      active = active + (vocabulary.STANDING[record.state] and 1 or 0)
    end
  end

  return minute, hour, active
end


-- whose: what the words of a refusal begin with.
local function over(budget, ratio, workspace, whose)
  local minute, hour, active = spent(workspace)
  local per_minute, per_hour, most = ceil(ratio * budget.per_minute), ceil(ratio * budget.per_hour),
                                     ceil(ratio * budget.active)
  if minute >= per_minute then
    return whose .. "budget of " .. per_minute .. " actions a minute is spent"
  elseif hour >= per_hour then
    return whose .. "budget of " .. per_hour .. " actions an hour is spent"
  elseif active >= most then
    return whose .. "budget of " .. most .. " actions that stand at once is spent"
  end
end


local function over_budget(budget, workspace)
  return over(budget, 1, nil, "the ")
         or over(budget, budget.workspace_ratio or 1, workspace, "its workspace's ")
end


-- The consumers that a record refuses, by their ids, or by their credentials'.
local function add_consumers(record, into)
  for _, id in ipairs(BY_CONSUMER[record.by] and not SPARING[record.action] and record.clients or {}) do
    into[owners.of(record.by, id) or id] = true
  end
end


-- Whether more consumers would stand refused than may at once.
local function over_consumers(record, ratio)
  local refused = {}
  add_consumers(record, refused)
  if not next(refused) then
    return nil
  end

  for _, other in ipairs(journal.all()) do
    if vocabulary.STANDING[other.state] then
      add_consumers(other, refused)
    end
  end

  local number = 0
  for _ in pairs(refused) do
    number = number + 1
  end
  local most = max(1, floor(ratio * owners.count()))
  return number > most and ("%d consumers would stand refused, %d may at once"):format(number, most) or nil
end


-- Decides on a planned record. Returns true; or nil and why not.
function _M.check(record, conf)
  local response = conf.response
  local why = _M.is_killed(conf) and "the kill switch is on"
              or protected(record, response.protected)
              or not record.by_operator and over_budget(response.budget, record.place.workspace)
              or not record.by_operator and over_consumers(record, response.blast_radius.consumer_ratio or 1)
              or nil
  if why then
    return nil, why
  end

  local most = response.blast_radius.good_ratio
  if record.touches_ratio > most then
    return nil, ("it would refuse %.1f %% of the route's requests that go well, %.1f %% are allowed")
                :format(100 * record.touches_ratio, 100 * most)
  end

  return true
end


return _M
