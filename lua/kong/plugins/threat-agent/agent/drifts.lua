-- Tells operators, once, when what is normal has changed for good: in the log and by the channels. Nothing is
-- done about it.

local events = require "kong.plugins.threat-agent.agent.events"
local names = require "kong.plugins.threat-agent.names"
local notices = require "kong.plugins.threat-agent.agent.notices"
local region = require "kong.plugins.threat-agent.region"
local vocabulary = require "kong.plugins.threat-agent.vocabulary"


local kong = kong
local ipairs = ipairs
local max = math.max


-- Those that one message names: all days end at once.
local MOST = 20


local _M = {}


local since_s = 0


local function latest_of(list)
  local latest_s = since_s
  for _, drift in ipairs(list) do
    latest_s = max(latest_s, drift.at_s)
  end

  return latest_s
end


-- Takes up where the last leader stopped: what it wrote down it has told.
function _M.open()
  local list, err = region.drifts(0)
  since_s = list and latest_of(list) or 0
  return list and true, err
end


-- A drift in a sentence, with the name of its route.
local function sentence(drift)
  local is_consumer = drift.service == vocabulary.CONSUMERS
  local where = is_consumer and "consumer " .. drift.route or "route " .. drift.route
  if drift.route == "" then
    where = "requests without a route"
  end

  local named = {
    title = ("%s: %s changed for good, from %.4g to %.4g"):format(where, drift.what, drift.from, drift.to),
    route = not is_consumer and drift.route or nil,
    reasons = {},
  }
  names.add(named)
  return named.title
end


-- Tells what is new. conf: the global instance's; while there is none, it waits.
function _M.beat(conf)
  if not conf then
    return true
  end

  local list, err = region.drifts(since_s)
  if not list then
    return nil, err
  elseif not list[1] then
    return true
  end

  since_s = latest_of(list)
  for i, drift in ipairs(list) do
    if i > MOST then
      kong.log.notice(#list - MOST, " more changes of what is normal, see /threat-agent/baselines")
      break
    end
    drift.summary = sentence(drift)
    kong.log.notice(drift.summary)
  end
  notices.announce(conf, events.of_drifts(list, MOST, conf))
  return true
end


return _M
