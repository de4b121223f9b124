-- What goes on at a place, and whether an action made it better: the harm that the action is to
-- end, and the good that must not go down with it.

local baselines = require "kong.plugins.threat-agent.baselines"
local snapshots = require "kong.plugins.threat-agent.snapshots"
local traffic_of = require "kong.plugins.threat-agent.traffic_of"
local traffic_of_named = require "kong.plugins.threat-agent.traffic_of_named"


local ipairs = ipairs
local max = math.max
local min = math.min
local is_within = traffic_of_named.is_within
local of_sender = traffic_of_named.of_sender


-- Improvement: what is left of the harm. Collateral harm: what is left of the good.
local HARM_LEFT = 0.7
local GOOD_LEFT = 0.5
-- Requests in ten seconds from which anything is told by what becomes of them.
local LEAST_SEEN = 20

-- Categories whose harm is a ratio of failed requests.
local BROKEN = { mass_error = true, route_misconfiguration = true }

-- Actions whose route no longer takes what they refuse: it matches no route then.
local NARROWING = { restrict_route = true }


-- From here on what is measured holds nothing from before: a count of ten seconds is estimated from two
-- buckets and reaches back up to twice its length. Units: seconds.
local SETTLED_S = 20


local _M = {}


-- Requests in a minute of others beside the named clients, below which a sample of one in 16 tells
-- nothing.
local LEAST_OTHERS = 32


local function good_of(flow)
  return max(0, flow.requests - flow.errors - flow.not_found - flow.refused - flow.exits)
end


-- Whether a record lets those of its clients' requests pass that show no sign of an attack.
local function is_on_signal(record)
  local ban = record.changes and record.changes[1] and record.changes[1].ban
  return ban and ban.measure == "refuse_on_signal" or nil
end


-- Requests in ten seconds that go to a record's place, and would if it did not refuse them: without those of the named.
local function of_others(record, flow)
  local all = flow.requests
  if record.clients then
    all = max(0, all - traffic_of_named.requests_of_named(record)) + traffic_of_named.turned_away(record)
  end
  if NARROWING[record.action] then
    local unmatched = traffic_of({ workspace = record.place.workspace, service = "", route = "" })
    all = all + (unmatched and unmatched.ten_s.requests or 0)
  end

  return all
end


-- Requests in ten seconds that are usual at a record's place; nil where that was not learned.
local function usual_in_ten_s(record)
  local place, all = record.place, 0
  local routes = record.target == "service" and snapshots.routes_of(place.service) or {}
  for _, route in ipairs(routes[1] and routes or { place.route }) do
    local usual = baselines.of(place.workspace, route)
    if not usual or not usual.is_mature then
      return nil
    end
    all = all + 10 * usual.per_s
  end

  return all
end


-- The good requests at a record's place in ten seconds that must not go down with what it is against: not those of the
-- named, nor more than is usual, since nobody names a whole crowd.
local function good_of_others(record, flow)
  local good = good_of(flow)
  if record.clients then
    good = max(0, good - traffic_of_named.good_of_named(record))
  end

  return min(good, usual_in_ten_s(record) or good)
end


-- How long after it was applied, or judged, a record is to be judged; nil for what is not. Units: seconds.
function _M.judged_after_s(record)
  return record.verify_after_s and max(record.verify_after_s, SETTLED_S)
end


-- Measures a record's place. Returns { harm, good, failed, requests }; harm: requests of its clients in ten seconds, or the
-- ratio of failed requests, or requests let through in ten seconds; failed: requests in ten seconds that fail by
-- themselves, since refusing some clients breaks nothing for others; requests: of all but the named in ten seconds, good or
-- not, and those that the record refuses.
function _M.measure(record)
  local traffic, err = traffic_of(record.place, record.target)
  if not traffic then
    return nil, err
  end

  local flow = traffic.ten_s
  local harm
  if record.clients then
    harm = traffic_of_named.of_clients(record)
  elseif BROKEN[record.category] then
    harm = (flow.errors + flow.not_found + flow.refused) / max(1, flow.requests)
  else
    harm = max(0, flow.requests - flow.exits)
  end

  return {
    harm = harm,
    is_partly_good = is_on_signal(record),
    sets_back = record.action == "rollback" or nil,
    good = good_of_others(record, flow),
    failed = record.clients and flow.errors or 0,
    requests = of_others(record, flow),
    hot_limit = traffic.hot_limit,
  }
end


-- Estimates the share of a place's requests that go well now: what refusing all of them would
-- touch. target: as traffic_of() takes it.
function _M.good_ratio(place, target)
  local traffic = traffic_of(place, target)
  return traffic and good_of(traffic.minute) / max(1, traffic.minute.requests) or 0
end


-- Estimates which share of a place's requests a record would refuse that others send than the clients
-- that are named: who else is in their networks, or shows the same credential.
function _M.others_ratio(record, top_clients)
  local by, place = record.by, record.place
  local traffic = traffic_of(place)
  if by == "client_ip" or not traffic then
    return 0
  end

  local others = 0
  for _, id in ipairs(record.clients) do
    local of_one = of_sender(place, by, id)
    local requests = of_one and of_one.sender_minute.requests or 0
    for _, top in ipairs(top_clients) do
      local of_client = is_within(top.client, by, id) and of_sender(place, "client_ip", top.client)
      requests = requests - (of_client and of_client.sender_minute.requests or 0)
    end
    others = others + (requests >= LEAST_OTHERS and requests or 0)
  end

  return min(1, others / max(1, traffic.minute.requests))
end


-- The same of the last seconds: what goes on after something broke.
function _M.good_ratio_now(place, target)
  local traffic = traffic_of(place, target)
  return traffic and good_of(traffic.ten_s) / max(1, traffic.ten_s.requests) or 0
end


-- Whether of what comes a lesser share goes well than before.
local function goes_worse(before, after)
  return after.requests >= LEAST_SEEN
         and after.good / after.requests < GOOD_LEFT * before.good / max(1, before.requests)
end


-- Whether the good went down with an action: seen of those who come and are not served, since whoever does not come may be
-- asleep. What sets back what stood before refuses nobody: where less comes, it comes for other reasons.
local function is_harmful(before, after)
  if before.good < LEAST_SEEN or not goes_worse(before, after) then
    return false
  end

  local broken = max(0, (after.failed or 0) - (before.failed or 0))
  return after.sets_back or after.good + broken < GOOD_LEFT * before.good
end


-- Whether hardly anybody comes any more, so that nothing is told by harm that is gone.
local function is_quiet(before, after)
  return before.good >= LEAST_SEEN and after.requests < LEAST_SEEN and not after.sets_back
end


-- Tells what came of an action: "improved", "harmful", "none", or "unknown" where what goes on may be innocent. Returns, too,
-- whether it is to be judged again, once somebody comes.
function _M.judge(before, after)
  if is_harmful(before, after) then
    return "harmful", false
  elseif after.harm > HARM_LEFT * before.harm then
    return after.is_partly_good and "unknown" or "none", false
  elseif is_quiet(before, after) then
    return "unknown", true
  end

  return "improved", false
end


return _M
