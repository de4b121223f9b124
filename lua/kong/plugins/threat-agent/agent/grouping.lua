-- Decides for one channel what is worth a message: one incident is told when it opens, seldom while
-- it lasts, and when it is over; in a flood the others come as one digest. Time is an argument.

local elapsed = require "kong.plugins.threat-agent.elapsed"
local vocabulary = require "kong.plugins.threat-agent.vocabulary"


local ipairs = ipairs
local next = next
local pairs = pairs
local setmetatable = setmetatable


local SEVERITIES = vocabulary.SEVERITY_RANKS
local WINDOW_S = 60
-- Incidents that are remembered, and those that a digest names.
local MAX_SEEN = 2048
local MAX_NAMED = 20

-- States of actions that people are told of; the others last for moments.
local TOLD = {
  dry_run = true, pending = true, active = true, refused = true, failed = true, reverted = true, expired = true,
  conflict = true, kept = true,
}


local Grouping = {}
Grouping.__index = Grouping


-- Makes the grouping of a channel. saved: what `state` gave, or nil.
function Grouping.new(saved)
  saved = saved or {}
  local self = setmetatable({
    seen = saved.seen or {},           -- id → what was told: { status, severity, sent_s, actions, memory, … }
    digests = saved.digests or 0,
    digest_stands = saved.digest_stands,
    open_digested = 0,
    touched = {},                      -- id → { incident, actions }
    overflow = {},                     -- ids without a message of their own, since the last digest
    window_s = 0,
    sent = 0,
    size = 0,
  }, Grouping)

  -- What a digest was to name is told anew.
  for _, id in ipairs(saved.overflow or {}) do
    self.seen[id] = nil
  end

  for id, told in pairs(self.seen) do
    -- Nobody knows whether what waited has arrived: it is told again.
    if told.waits and told.status ~= "resolved" then
      self.seen[id] = nil
    else
      if told.waits then
        told.status, told.waits = "open", nil
      end
      self.size = self.size + 1
      self.open_digested = self.open_digested + (told.digested and told.status ~= "resolved" and 1 or 0)
    end
  end
  return self
end


-- What the next leader has to know.
function Grouping:state()
  local overflow = {}
  for i, change in ipairs(self.overflow) do
    overflow[i] = change.incident.id
  end

  return { seen = self.seen, digests = self.digests, digest_stands = self.digest_stands, overflow = overflow }
end


-- Tells whether a channel takes what has a severity and, of incidents, a category.
local function wants(settings, incident)
  if SEVERITIES[incident.severity] < SEVERITIES[settings.min_severity] then
    return false
  end

  local categories = settings.categories
  if not categories or #categories == 0 then
    return true
  end
  for _, category in ipairs(categories) do
    if category == incident.category then
      return true
    end
  end

  return false
end


Grouping.wants = wants


-- Takes a change in: the incident as it stands now, and the records of its actions.
function Grouping:take(incident, actions)
  self.touched[incident.id] = { incident = incident, actions = actions or {} }
end


-- The states of actions that are worth telling, and whether one waits for an approval.
local function states_of(actions)
  local states, is_pending = {}, false
  for _, record in ipairs(actions) do
    if TOLD[record.state] then
      states[record.id] = record.state
      is_pending = is_pending or record.state == "pending"
    end
  end

  return states, is_pending
end


local function has_news(told, states)
  for id, state in pairs(states) do
    if not told.actions or told.actions[id] ~= state then
      return true
    end
  end

  return false
end


-- What there is to tell of a change: opened, updated, resolved, action, or nil for nothing.
local function kind_of(told, change, settings, now_s)
  local incident = change.incident
  local is_over = incident.status == "resolved"
  if not told then
    return not is_over and "opened" or nil
  elseif told.status == "resolved" then
    return nil
  elseif is_over then
    return "resolved"
  elseif SEVERITIES[incident.severity] > SEVERITIES[told.severity] then
    return "updated"
  end

  local states, is_pending = states_of(change.actions)
  if has_news(told, states) and (not told.digested or is_pending) then
    return "action"
  end

  local has_opinion = incident.opinion ~= nil and not told.opinion
  if not told.digested and (has_opinion or elapsed(told.sent_s, settings.update_interval_s, now_s)) then
    return "updated"
  end
end


-- Forgets the oldest of what is over, then the oldest.
function Grouping:prune()
  if self.size <= MAX_SEEN then
    return
  end

  local ids = {}
  for id in pairs(self.seen) do
    ids[#ids + 1] = id
  end
  table.sort(ids, function(a, b)
    local one, other = self.seen[a], self.seen[b]
    if (one.status == "resolved") ~= (other.status == "resolved") then
      return one.status == "resolved"
    end
    return one.sent_s < other.sent_s
  end)

  -- By a quarter, so that this is seldom.
  for i = 1, #ids - MAX_SEEN * 3 / 4 do
    local told = self.seen[ids[i]]
    if told.digested and told.status ~= "resolved" then
      self.open_digested = self.open_digested - 1
    end
    self.seen[ids[i]] = nil
    self.size = self.size - 1
  end
end


function Grouping:remember(change, now_s, digested)
  local incident = change.incident
  local told = self.seen[incident.id]
  if not told then
    told = { memory = {} }
    self.seen[incident.id] = told
    self.size = self.size + 1
  end

  local was_open_digested = told.digested and told.status ~= "resolved"
  told.status = incident.status == "resolved" and "resolved" or "open"
  told.severity = incident.severity
  told.sent_s = now_s
  told.actions = states_of(change.actions)
  told.opinion = incident.opinion ~= nil or nil
  told.digested = digested or nil
  local is_open_digested = told.digested and told.status ~= "resolved"
  self.open_digested = self.open_digested + (is_open_digested and 1 or 0) - (was_open_digested and 1 or 0)
  return told
end


local function by_severity(a, b)
  local one, other = SEVERITIES[a.incident.severity], SEVERITIES[b.incident.severity]
  if one ~= other then
    return one > other
  end
  return a.incident.id < b.incident.id
end


-- Sums the incidents up that had no message of their own.
function Grouping:digest()
  local changes = self.overflow
  self.overflow = {}
  self.digests = self.digests + 1
  self.digest_stands = true
  table.sort(changes, by_severity)

  local named = {}
  for i = 1, math.min(#changes, MAX_NAMED) do
    local incident = changes[i].incident
    named[i] = { id = incident.id, title = incident.title, severity = incident.severity,
                 category = incident.category }
  end

  return { event = "digest", digest = { number = self.digests, count = #changes, incidents = named,
                                        severity = changes[1].incident.severity } }
end


-- Takes out what is to be told, the gravest first; the rest waits for the next call.
function Grouping:due(settings, now_s)
  local list = {}
  for id, change in pairs(self.touched) do
    local told = self.seen[id]
    change.kind = (told or wants(settings, change.incident)) and kind_of(told, change, settings, now_s)
    if change.kind then
      list[#list + 1] = change
    else
      self.touched[id] = nil
    end
  end

  table.sort(list, by_severity)
  return list
end


-- The messages that are due: a list of { event, incident, actions, told } and { event = "digest", digest, over }.
function Grouping:flush(settings, now_s)
  local messages = {}
  local function send(message)
    messages[#messages + 1] = message
    self.sent = self.sent + 1
  end

  if elapsed(self.window_s, WINDOW_S, now_s) then
    self.window_s, self.sent = now_s, 0
    if self.overflow[1] then
      send(self:digest())
    end
  end

  for _, change in ipairs(self:due(settings, now_s)) do
    local incident, told = change.incident, self.seen[change.incident.id]
    if told and told.digested and change.kind == "resolved" then
      self:remember(change, now_s, true)
      self.touched[incident.id] = nil
    elseif self.sent < settings.rate_per_minute - 1 then
      local kind = told and told.digested and "opened" or change.kind
      send({ event = kind, incident = incident, actions = change.actions, told = self:remember(change, now_s) })
      self.touched[incident.id] = nil
    elseif change.kind == "opened" then
      self:remember(change, now_s, true)
      self.overflow[#self.overflow + 1] = change
      self.touched[incident.id] = nil
    end
  end

  if self.digest_stands and self.open_digested == 0 and not self.overflow[1] then
    self.digest_stands = nil
    send({ event = "digest", over = true, digest = { number = self.digests, count = 0, incidents = {} } })
  end
  self:prune()
  return messages, next(self.touched) ~= nil
end


return Grouping
