-- The incidents that the node knows of, as any worker can read them.

local cjson = require "cjson.safe"
local findings = require "kong.plugins.threat-agent.findings"
local library = require "kong.plugins.threat-agent.library"
local names = require "kong.plugins.threat-agent.names"
local region = require "kong.plugins.threat-agent.region"


local kong = kong
local ipairs = ipairs
local pcall = pcall
local setmetatable = setmetatable
local type = type


-- Lists in an incident: empty ones would be written as objects.
local LISTS = { "history", "reasons", "sample_references", "top_clients", "top_senders" }


local _M = {}


-- A misconfigured route may be one that the review of the configuration has found. In brackets the
-- sentence is no evidence of its own kind (feedback).
local function add_findings(incident)
  if incident.category == "route_misconfiguration" then
    for _, sentence in ipairs(findings.about(incident.route, incident.service)) do
      table.insert(incident.reasons, "found in the configuration (" .. sentence .. ")")
    end
  end
end


local told = 0      -- the sequence up to which this worker has said what is wrong


-- Says of an incident, once, what is wrong with it.
local function tell(sequence, what, err)
  if sequence > told then
    told = sequence
    kong.log.err("could not ", what, " the incident at sequence ", sequence, ": ", err)
  end
end


-- Finds the oldest change of an incident after a sequence that can be read. Returns the incident and its sequence; nil
-- when there is none.
local function next_readable(sequence)
  local json, number = region.next_incident(sequence)
  while json do
    local incident, err = cjson.decode(json)
    if type(incident) == "table" then
      return incident, number
    end
    tell(number, "read", err or "expected an object, got a " .. type(incident))
    json, number = region.next_incident(number)
  end
end


-- What is said for people.
local WORDS = { names.add, add_findings }

-- Reads the oldest change of an incident after a sequence. Returns the incident and its sequence;
-- nil when there is none. What cannot be read is told and passed over; what cannot be said for people is told and left out.
function _M.next(sequence)
  local incident, number = next_readable(sequence)
  if not incident then
    return nil
  end

  for _, name in ipairs(LISTS) do
    incident[name] = setmetatable(type(incident[name]) == "table" and incident[name] or {}, cjson.array_mt)
  end
  for _, add in ipairs(WORDS) do
    local ok, err = pcall(add, incident)
    if not ok then
      tell(number, "complete", err)
    end
  end
  return incident, number
end


-- What was read so far. As in the region, an incident has the place of its number, and its latest
-- version is the one that counts: so all workers list the same.
local PLACES = 256
local known = {}      -- place → { incident, sequence }
local cursor = 0


local function catch_up()
  local incident, sequence = _M.next(cursor)
  while incident do
    known[incident.number % PLACES] = { incident = incident, sequence = sequence }
    cursor = sequence
    incident, sequence = _M.next(cursor)
  end
end


local function by_sequence(a, b)
  return a.sequence > b.sequence
end


-- Lists incidents, the latest change first; they are shared and must not be changed. Returns nil and
-- an error where there is no engine.
function _M.list()
  local ok, err = library.load()
  if not ok then
    return nil, err
  end

  catch_up()
  local entries = {}
  for _, entry in pairs(known) do
    entries[#entries + 1] = entry
  end
  table.sort(entries, by_sequence)

  local list = setmetatable({}, cjson.array_mt)
  for i, entry in ipairs(entries) do
    list[i] = entry.incident
  end

  return list
end


return _M
