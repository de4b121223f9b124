-- How much may be touched at once, as the configuration has it: the share of the requests that go well, of the consumers
-- that stand refused, and of the routes that something holds on for all who go there.

local database = require "kong.plugins.threat-agent.database"
local journal = require "kong.plugins.threat-agent.agent.journal"
local owners = require "kong.plugins.threat-agent.owners"
local snapshots = require "kong.plugins.threat-agent.snapshots"
local vocabulary = require "kong.plugins.threat-agent.vocabulary"


local floor = math.floor
local ipairs = ipairs
local max = math.max
local next = next
local pairs = pairs


-- What names a consumer.
local BY_CONSUMER = { consumer = true, credential = true }

-- What refuses nobody, and what puts back what worked.
local SPARING = { allow = true, tag = true, rollback = true }

-- So many may be in any case.
local LEAST = { consumers = 1, routes = 5 }


-- The consumers that a record refuses, by their ids, or by their credentials'.
local function add_consumers(record, into)
  for _, id in ipairs(BY_CONSUMER[record.by] and not SPARING[record.action] and record.clients or {}) do
    into[owners.of(record.by, id) or id] = true
  end
end


local function is_on_service(record)
  for _, change in ipairs(record.changes) do
    if change.kind == "services" then
      return true
    end
  end

  return record.target == "service"
end


-- The routes that a record holds on for all who go there; what is against senders that it names holds on none.
local function add_routes(record, into)
  if SPARING[record.action] or next(record.clients or {}) then
    return
  end

  local place = record.place
  if place.route and place.route ~= "" then
    into[place.route] = true
  end
  for _, route in ipairs(is_on_service(record) and snapshots.routes_of(place.service) or {}) do
    into[route] = true
  end
end


-- Says why more of a kind would be touched than may at once; nil where it would not. add: puts those of a record into a set.
local function over(record, kind, ratio, add, what)
  local touched = {}
  add(record, touched)
  if not next(touched) then
    return nil
  end

  -- A database may be waited for: what others do is looked at after that.
  local most = max(LEAST[kind], floor(ratio * database.count(kind)))
  for _, other in ipairs(journal.all()) do
    if vocabulary.IN_FORCE[other.state] then
      add(other, touched)
    end
  end

  local number = 0
  for _ in pairs(touched) do
    number = number + 1
  end
  return number > most and ("%d %s would %s, %d may at once"):format(number, kind, what, most) or nil
end


-- Says why a planned record would touch too much; nil where it would not. limits: `response.blast_radius`.
return function(record, limits)
  local why = not record.by_operator
              and (over(record, "consumers", limits.consumer_ratio or 1, add_consumers, "stand refused")
                   or over(record, "routes", limits.route_ratio or 1, add_routes, "be touched"))
  if why then
    return why
  elseif record.touches_ratio > limits.good_ratio then
    return ("it would refuse %.1f %% of the requests that go well there, %.1f %% are allowed")
           :format(100 * record.touches_ratio, 100 * limits.good_ratio)
  end
end
