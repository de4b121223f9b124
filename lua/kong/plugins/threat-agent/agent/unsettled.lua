-- Writes of which nobody knows whether they are done: those that got no answer in time, and those that a leader was
-- killed in. For a minute they may land after what took them back, and on a DB-less node, whose configuration is replaced
-- as a whole, over what was written meanwhile.

local journal = require "kong.plugins.threat-agent.agent.journal"
local reach = require "kong.plugins.threat-agent.admin.reach"


local ngx = ngx
local ipairs = ipairs


local _M = {}


local inherited     -- the record that the former leader was writing when it was killed


-- Writes down that a record's changes are asked for, for whoever leads next should this worker be killed meanwhile.
-- Returns true; or nil and an error: then nothing may be asked.
function _M.begin(record)
  record.asked_s = ngx.time()
  return journal.save()
end


-- Takes in what became of it. passes: reach.UNANSWERED where no answer came in time.
function _M.finish(record, passes)
  record.asked_s = nil
  if passes == reach.UNANSWERED then
    record.unanswered_s = ngx.time()
  end
end


-- Whether a write of a record may land yet.
function _M.may_land(record)
  local ago_s = record.unanswered_s and ngx.time() - record.unanswered_s
  return ago_s ~= nil and ago_s >= 0 and ago_s < reach.LANDS_S
end


-- Whether what the former leader was sending may land yet, and is not the same that a record sends.
function _M.may_undo(record)
  return inherited ~= nil and inherited ~= record and _M.may_land(inherited)
end


-- Takes over from a leader that may have been killed while it wrote.
function _M.take_over()
  inherited = nil
  for _, record in ipairs(journal.all()) do
    if record.asked_s then
      record.unanswered_s, record.asked_s = record.asked_s, nil
      inherited = record
    end
  end
end


return _M
