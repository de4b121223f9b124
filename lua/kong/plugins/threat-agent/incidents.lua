-- The incidents that the node knows of, as any worker can read them.

local cjson = require "cjson.safe"
local names = require "kong.plugins.threat-agent.names"
local native = require "kong.plugins.threat-agent.native"


local setmetatable = setmetatable


-- Lists in an incident: empty ones would be written as objects.
local LISTS = { "history", "reasons", "sample_references", "top_clients" }


local _M = {}


-- Reads the oldest change of an incident after a sequence. Returns the incident and its sequence;
-- nil when there is none.
function _M.next(sequence)
  local json, number = native.next_incident(sequence)
  if not json then
    return nil
  end

  local incident = cjson.decode(json)
  for _, name in ipairs(LISTS) do
    setmetatable(incident[name], cjson.array_mt)
  end
  names.add(incident)
  return incident, number
end


-- Lists incidents, the latest change first. Returns nil and an error where there is no engine.
function _M.list()
  local ok, err = native.load()
  if not ok then
    return nil, err
  end

  local list = setmetatable({}, cjson.array_mt)
  local incident, sequence = _M.next(0)
  while incident do
    table.insert(list, 1, incident)
    incident, sequence = _M.next(sequence)
  end

  return list
end


return _M
