-- What goes to a record's place from those whom it is against, and from the clients that its incident named where it is
-- against more than those: everybody in a network, or who shows a credential.

local cjson = require "cjson.safe"
local region = require "kong.plugins.threat-agent.region"
local senders = require "kong.plugins.threat-agent.senders"


local ipairs = ipairs
local max = math.max
local min = math.min
local setmetatable = setmetatable


local _M = {}


-- What a sender sends to a place, and what goes there. Returns nil and an error.
local function of_sender(place, by, id)
  return region.traffic(senders.identity(place, by, id), by)
end

_M.of_sender = of_sender


-- Requests in ten seconds that a limit leaves.
local function most_in_ten_s(record)
  local ban = record.changes[1].ban
  return ban and ban.measure == "limit" and ban.limit * 10 / ban.window_s
end


-- Sums up what a record's clients sent to its place in ten seconds and no plugin refused.
function _M.of_clients(record)
  local most = record.applied_s and most_in_ten_s(record)
  local all = 0
  for _, id in ipairs(record.clients) do
    local traffic = of_sender(record.place, record.by or "client_ip", id)
    local flow = traffic and traffic.sender_ten_s
    local requests = flow and max(0, flow.requests - flow.exits) or 0
    all = all + (most and min(requests, most) or requests)
  end

  return all
end


-- Whether a client may be meant by what is put on an id: an address tells its network, and of others nothing.
local function within(client, by, id)
  return by ~= "network" or senders.network_of(client) == id
end

_M.is_within = within


-- Sums up what some senders sent to a place in ten seconds, by what counts of it.
local function sum_of(place, by, ids, count)
  local all = 0
  for _, id in ipairs(ids) do
    local traffic = of_sender(place, by, id)
    all = all + (traffic and count(traffic.sender_ten_s) or 0)
  end

  return all
end


-- What counts of a sender's requests: what went well, as errors are not known of single ones; all that came; and what a ban
-- on more than clients refused.
local function well_of(flow)
  return max(0, flow.requests - flow.exits - flow.not_found - flow.refused)
end

local function requests_of(flow)
  return flow.requests
end

local function turned_away_of(flow)
  return flow.turned_away
end


-- Sums up what all sent whom a record is against. Of a network those are the named clients in it: the others are not to
-- be harmed.
local function of_named(record, count)
  if record.by == "network" then
    return sum_of(record.place, "client_ip", record.named or {}, count)
  end

  return sum_of(record.place, record.by or "client_ip", record.clients, count)
end


-- Their requests in ten seconds that went well.
function _M.good_of_named(record)
  return of_named(record, well_of)
end


-- All of their requests in ten seconds.
function _M.requests_of_named(record)
  return of_named(record, requests_of)
end


-- Requests in ten seconds of others than the named that a ban on more than clients refused.
function _M.turned_away(record)
  if not record.named then
    return 0
  end

  return max(0, sum_of(record.place, record.by, record.clients, turned_away_of)
                - sum_of(record.place, "client_ip", record.named, turned_away_of))
end


-- Tells which of an incident's clients are meant by what a record puts on more than clients; nil for what it puts on
-- clients, or on nobody.
function _M.named(record, top_clients)
  if not record.clients or (record.by or "client_ip") == "client_ip" then
    return nil
  end

  local named = setmetatable({}, cjson.array_mt)
  for _, top in ipairs(top_clients) do
    for _, id in ipairs(record.clients) do
      if within(top.client, record.by, id) then
        named[#named + 1] = top.client
        break
      end
    end
  end

  return named
end


return _M
