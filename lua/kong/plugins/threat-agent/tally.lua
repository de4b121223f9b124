-- Counts of the node that the region has no words for: each worker gathers its own, without a lock,
-- and adds them to Kong's shared dictionary once a second. They start anew with the gateway, and with
-- a reload.
--
-- A series is a metric's name and the values of its labels. All values are words of the plugin, of the
-- engine or of the configuration, never a client's; their number is bounded all the same.

local native = require "kong.plugins.threat-agent.native"


local kong = kong
local ngx = ngx
local ipairs = ipairs
local concat = table.concat
local next = next
local pairs = pairs


local PREFIX = "threat-agent:tally:"
local PLACE = "threat-agent:tally-place:"
local NUMBER = "threat-agent:tally-number:"
local LAST = "threat-agent:tally-last"
local MOST = 1024

-- Between two texts of a series: a byte that none of them has.
local SEPARATOR = "\31"

-- Upper bounds of scores.
local SCORES = { 0.1, 0.25, 0.5, 0.75, 0.9, 1 }


local _M = { SCORES = SCORES }


local gathered = {}     -- series → what this worker counted since the last flush
local has_place = {}    -- series → whether it is counted at all


-- Counts: by, the metric, and its labels' values.
function _M.add(by, ...)
  local series = concat({ ... }, SEPARATOR)
  gathered[series] = (gathered[series] or 0) + by
end


local function bucket_of(score)
  for i, bound in ipairs(SCORES) do
    if score <= bound then
      return i
    end
  end

  return #SCORES
end


-- Whether the upstream answered, and not with an error: what an ordinary request ends in.
local function went_well()
  return kong.response.get_source() == "service" and ngx.status < 400
end


-- Counts a verdict that is not a clean one; in `log`.
function _M.verdict(conf, verdict)
  for _, reason in ipairs(verdict.uninspected or {}) do
    _M.add(1, "uninspected", reason)
  end
  for _, rule in ipairs(verdict.shadow and verdict.shadow.rules or {}) do
    _M.add(1, "shadow", rule, verdict.shadow.verdict)
  end
  if verdict.seen and verdict.seen.outcome then
    _M.add(1, "attempt", verdict.seen.outcome)
  end
  if not verdict.rules then
    return
  end

  _M.add(1, "category", verdict.category or "none", verdict.action)
  _M.add(1, "score", bucket_of(verdict.score))
  _M.add(verdict.score, "score_sum")
  if verdict.refuses and not verdict.enforced and conf.mode == "monitor" then
    local ended = went_well() and "well" or "otherwise"
    _M.add(1, "would", verdict.category or "none", ended)
    _M.add(1, "would_by", verdict.rules[1], ended)
  end
end


-- Gives a series its number, once on the node, so that it can be found again. That it has one is a key of its
-- own: a reload empties the dictionary, and the workers that go go on adding to counts that have none any more.
local function take_place(dict, series)
  if dict:get(PLACE .. series) then
    return true
  elseif (dict:get(LAST) or 0) >= MOST or not dict:add(PLACE .. series, true) then
    return dict:get(PLACE .. series) ~= nil
  end

  local number = dict:incr(LAST, 1, 0)
  return number and dict:set(NUMBER .. number, series) or false
end


-- Adds what this worker gathered to the node's counts; once a second, in each worker.
function _M.flush()
  local timings = native.take_timings()
  for bucket, number in pairs(timings.counts) do
    _M.add(number, "inspection", bucket)
  end
  if timings.sum_s > 0 then
    _M.add(timings.sum_s, "inspection_sum")
  end
  if not next(gathered) then
    return
  end

  local dict = ngx.shared.kong
  for series, by in pairs(gathered) do
    has_place[series] = has_place[series] or take_place(dict, series) or nil
    if has_place[series] then
      dict:incr(PREFIX .. series, by, 0)
    end
  end
  gathered = {}
end


-- Reads the node's counts: metric → list of { number, label, … }.
function _M.read()
  local dict, found = ngx.shared.kong, {}
  for number = 1, dict:get(LAST) or 0 do
    local series = dict:get(NUMBER .. number)
    local count = series and dict:get(PREFIX .. series)
    if count then
      local parts = { count }
      local metric
      for part in (series .. SEPARATOR):gmatch("(.-)" .. SEPARATOR) do
        if metric then
          parts[#parts + 1] = part
        else
          metric = part
        end
      end
      found[metric] = found[metric] or {}
      table.insert(found[metric], parts)
    end
  end

  return found
end


return _M
