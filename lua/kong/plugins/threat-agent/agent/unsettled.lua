-- Writes of which nobody knows whether they are done: those that got no answer in time, and those that a leader was
-- killed in. For a minute they may land after what took them back, and on a DB-less node, whose configuration is replaced
-- as a whole, over what was written meanwhile.

local files = require "kong.plugins.threat-agent.files"
local journal = require "kong.plugins.threat-agent.agent.journal"
local reach = require "kong.plugins.threat-agent.admin.reach"


local ngx = ngx
local ipairs = ipairs
local tonumber = tonumber
local tostring = tostring


local _M = {}


local inherited = {}     -- the records whose writes former leaders did not see answered
local swept_s            -- when a write of this leader that no record tells of was last left without an answer


local function lands(sent_s)
  local ago_s = sent_s and ngx.time() - sent_s
  return ago_s ~= nil and ago_s >= 0 and ago_s < reach.LANDS_S
end


-- Writes down that a record's changes are asked for, or with `undoes` what takes them back, for whoever leads next should
-- this worker be killed meanwhile. Returns true; or nil and an error: then nothing may be asked.
function _M.begin(record, undoes)
  record.asked_s, record.undoes = ngx.time(), undoes
  return journal.save()
end


-- Nobody has seen an answer to what was asked for at `sent_s`.
local function lose(record, sent_s)
  record[record.undoes and "undo_unanswered_s" or "unanswered_s"] = sent_s
end


-- Takes in what became of it. passes: reach.UNANSWERED where no answer came in time.
function _M.finish(record, passes)
  if passes == reach.UNANSWERED then
    lose(record, ngx.time())
  end
  record.asked_s, record.undoes = nil, nil
end


-- The same for what takes back what agents that are gone have done, of which no record here tells.
function _M.begin_sweep()
  return files.save(files.SWEEP, tostring(ngx.time()))
end


-- Takes in what became of that.
function _M.finish_sweep(passes)
  if passes == reach.UNANSWERED then
    swept_s = ngx.time()
  end
  if not lands(swept_s) then
    files.remove(files.SWEEP)
  end
end


-- Whether a write that applies a record may land yet: it may not be over before. One that takes it back does to it what was
-- done already.
function _M.may_land(record)
  return lands(record.unanswered_s)
end


-- Whether what former leaders were sending for others than a record (nil: for any) may land yet.
function _M.may_undo(record)
  for _, one in ipairs(inherited) do
    if one ~= record and (lands(one.unanswered_s) or lands(one.undo_unanswered_s)) then
      return true
    end
  end

  return false
end


-- Takes over from a leader that may have been killed while it wrote, or while it waited for what might land.
function _M.take_over()
  inherited = {}
  for _, record in ipairs(journal.all()) do
    if record.asked_s then
      lose(record, record.asked_s)
      record.asked_s, record.undoes = nil, nil
    end
    inherited[#inherited + 1] = (record.unanswered_s or record.undo_unanswered_s) and record or nil
  end
  swept_s = tonumber(files.load(files.SWEEP) or "")
  inherited[#inherited + 1] = swept_s and { undo_unanswered_s = swept_s }
end


return _M
