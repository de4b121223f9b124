-- Takes in what operators say of incidents, on the leader: one judgement for each incident, the last
-- one counts, in a file of bounded size.

local cjson = require "cjson.safe"
local feedback = require "kong.plugins.threat-agent.feedback"
local files = require "kong.plugins.threat-agent.files"


local ngx = ngx
local ipairs = ipairs


local FIELDS = {
  "incident", "opened_s", "workspace", "service", "route", "route_name", "category", "title", "rules", "verdict",
  "note", "by",
}


local _M = {}


local made = 0


-- Writes a judgement down. command: what views/feedback.lua sends. Returns true, or nil and an error.
function _M.take_in(command)
  local kept = setmetatable({}, cjson.array_mt)
  for _, entry in ipairs(feedback.list()) do
    if entry.incident ~= command.incident or entry.opened_s ~= command.opened_s then
      kept[#kept + 1] = entry
    end
  end

  local entry = { at_s = ngx.time() }
  for _, name in ipairs(FIELDS) do
    entry[name] = command[name]
  end
  kept[#kept + 1] = entry
  while #kept > feedback.MOST do
    table.remove(kept, 1)
  end

  local ok, err = files.save(files.FEEDBACK, cjson.encode(kept))
  if ok then
    ngx.shared.kong:incr(feedback.VERSION_KEY, 1, 0)
  end
  return ok, err
end


-- The record that the ledger keeps of a judgement.
function _M.record_of(command)
  made = made + 1
  return {
    id = ("feedback-%d-%d"):format(ngx.time(), made),
    incident = command.incident,
    category = command.category,
    title = command.title,
    action = "feedback",
    result = command.verdict,
    policy = "operator",
    approved_by = command.by,
  }
end


return _M
