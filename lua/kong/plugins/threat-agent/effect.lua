-- What goes on at a place, and whether an action made it better: the harm that the action is to
-- end, and the good that must not go down with it.

local native = require "kong.plugins.threat-agent.native"


local ipairs = ipairs
local max = math.max


-- Improvement: what is left of the harm. Collateral harm: what is left of the good.
local HARM_LEFT = 0.7
local GOOD_LEFT = 0.5
-- Good requests in ten seconds from which a loss of them means anything.
local LEAST_GOOD = 20

-- Categories whose harm is a ratio of failed requests.
local BROKEN = { mass_error = true, route_misconfiguration = true }


local _M = {}


local function identity(place, client)
  return {
    client_ip = client or "",
    workspace = place.workspace,
    route = place.route,
    service = place.service,
    consumer = "",
  }
end


local function good_of(flow)
  return max(0, flow.requests - flow.errors - flow.not_found - flow.refused - flow.exits)
end


-- Sums up what clients sent to a place in ten seconds and was not refused by a ban.
local function of_clients(place, clients)
  local all = 0
  for _, client in ipairs(clients) do
    local traffic = native.traffic(identity(place, client))
    all = all + (traffic and traffic.client.requests or 0)
  end

  return all
end


-- Measures a record's place. Returns { harm, good, requests }; harm: requests of its clients in
-- ten seconds, or the ratio of failed requests, or requests let through in ten seconds.
function _M.measure(record)
  local traffic, err = native.traffic(identity(record.place))
  if not traffic then
    return nil, err
  end

  local flow = traffic.ten_s
  local harm
  if record.clients then
    harm = of_clients(record.place, record.clients)
  elseif BROKEN[record.category] then
    harm = (flow.errors + flow.not_found + flow.refused) / max(1, flow.requests)
  else
    harm = max(0, flow.requests - flow.exits)
  end

  return { harm = harm, good = good_of(flow), requests = flow.requests, hot_limit = traffic.hot_limit }
end


-- Estimates the share of a place's requests that go well now: what refusing all of them would
-- touch.
function _M.good_ratio(place)
  local traffic = native.traffic(identity(place))
  return traffic and good_of(traffic.minute) / max(1, traffic.minute.requests) or 0
end


-- Tells what came of an action: "improved", "harmful" or "none".
function _M.judge(before, after)
  if before.good >= LEAST_GOOD and after.good < GOOD_LEFT * before.good then
    return "harmful"
  end

  return after.harm <= HARM_LEFT * before.harm and "improved" or "none"
end


return _M
