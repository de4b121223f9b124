-- What stands on a sender in the region. That has room for one refusal, one limit and one exemption of
-- a sender at a place: where several actions put one there, the strictest holds, and when it ends the
-- next one does.
--
-- Each returns true; or nil and an error.

local journal = require "kong.plugins.threat-agent.agent.journal"
local region = require "kong.plugins.threat-agent.region"
local vocabulary = require "kong.plugins.threat-agent.vocabulary"


local ngx = ngx
local ipairs = ipairs


-- What a measure is put on: who, and where.
local WHO = { "by", "client_ip", "consumer", "credential", "session" }
local WHERE = { route = "route", service = "service" }

-- The region counts in milliseconds since its start, records in seconds of the day. Units: seconds.
local APART_S = 5


local _M = {}


local function is_on_the_same(a, b)
  if a.measure ~= b.measure or a.scope ~= b.scope or a.workspace ~= b.workspace then
    return false
  end

  for _, field in ipairs(WHO) do
    if a[field] ~= b[field] then
      return false
    end
  end

  local field = WHERE[a.scope] or WHERE[a.by]
  return not field or a[field] == b[field]
end


-- Whether a measure refuses more than another that stands for so long.
local function is_stricter(ban, left_s, other, other_left_s)
  local rate = ban.limit and ban.limit / (ban.window_s or 1) or 0
  local other_rate = other.limit and other.limit / (other.window_s or 1) or 0
  if rate ~= other_rate then
    return rate < other_rate
  end

  return left_s > other_left_s
end


-- How long a measure of a record is to stand yet.
local function left_of(record, ban, now)
  return record.expires_s and record.expires_s - now or ban.ttl_s
end


-- Finds the strictest that actions have on what a measure is on, and how long it is to stand.
local function strictest(ban)
  local now = ngx.time()
  local found, found_left_s
  for _, record in ipairs(journal.all()) do
    for _, change in ipairs(vocabulary.STANDING[record.state] and record.changes or {}) do
      local other = change.ban
      local left_s = other and left_of(record, other, now)
      if other and left_s > 0 and is_on_the_same(other, ban)
         and (not found or is_stricter(other, left_s, found, found_left_s))
      then
        found, found_left_s = other, left_s
      end
    end
  end

  return found, found_left_s
end


local function with_ttl(ban, ttl_s)
  local copy = {}
  for name, value in pairs(ban) do
    copy[name] = value
  end
  copy.ttl_s = ttl_s

  return copy
end


-- Lifts what stands there, and puts the strictest that is left in its place.
local function settle(ban)
  local ok, err = region.lift_ban(ban)
  local next_one, left_s = strictest(ban)
  if ok and next_one then
    return region.ban(with_ttl(next_one, left_s))
  end

  return ok, err
end


-- Puts a measure of a standing action. The region keeps the longer one, and a limit may be the stricter one.
function _M.put(ban)
  local ok, err = region.ban(ban)
  if ok and ban.limit then
    return settle(ban)
  end

  return ok, err
end


-- Takes the measure of an action that no longer stands away.
_M.lift = settle


-- Whether the region has a measure for so long. Returns nil and an error.
local function holds(ban, left_s)
  local stands_s, err = region.ban_left_s(ban)
  if not stands_s then
    return nil, err
  end

  return stands_s >= left_s - APART_S
end


-- Puts one measure of a record back, where neither it stands nor a stricter one. Returns how many were missing; or nil and an
-- error.
local function mend(record, ban)
  local stands, err = holds(ban, left_of(record, ban, ngx.time()))
  local wanted, left_s
  if stands == false then
    wanted, left_s = strictest(ban)
    stands, err = holds(wanted, left_s)
  end
  if stands == false then
    stands, err = settle(wanted)
    return stands and 1, err
  end

  return stands and 0, err
end


-- Puts back, for the time that is left, what the region lacks of the measures of a record that stands: a node that was lost
-- just after they were put does not know them any more. Returns how many there were; or nil and an error.
function _M.mend(record)
  local missing = 0
  for _, change in ipairs(record.changes) do
    local more, err = mend(record, change.ban)
    if not more then
      return nil, err
    end
    missing = missing + more
  end

  return missing
end


return _M
