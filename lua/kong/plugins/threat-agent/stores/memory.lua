-- The region's own rings: bounded, this node's, gone with a restart. Nothing is kept twice.

local cjson = require "cjson.safe"
local files = require "kong.plugins.threat-agent.files"
local incidents = require "kong.plugins.threat-agent.incidents"


local _M = {}


function _M.append()
  return true
end


local function ledger_lines()
  local lines = {}
  for line in (files.load(files.LEDGER) or ""):gmatch("[^\n]+") do
    lines[#lines + 1] = line
  end

  return lines
end


local function incident_lines()
  local list, err = incidents.list()
  if not list then
    return nil, err
  end

  local lines = {}
  for i = #list, 1, -1 do
    lines[#lines + 1] = cjson.encode(list[i])
  end
  return lines
end


function _M.list(_, query)
  local lines, err = (query.kind == "ledger" and ledger_lines or incident_lines)()
  if not lines then
    return nil, err
  end

  local page = {}
  local from = (tonumber(query.after) or 0) + 1
  for i = from, math.min(#lines, from + query.limit - 1) do
    page[#page + 1] = lines[i]
  end

  local last = from - 1 + #page
  return page, last < #lines and tostring(last) or nil
end


return _M
