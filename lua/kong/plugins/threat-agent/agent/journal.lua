-- What the agent has decided, in a file that is written before each step and after it: whoever
-- leads next goes on where the last one stopped.

local cjson = require "cjson.safe"
local files = require "kong.plugins.threat-agent.files"
local lease = require "kong.plugins.threat-agent.lease"
local vocabulary = require "kong.plugins.threat-agent.vocabulary"


local ngx = ngx


-- Records that have ended and are kept to be shown.
local MAX_ENDED = 200

-- What was done is counted by budgets of an hour. Units: seconds.
local COUNTED_S = 3600

-- A change of the configuration is seen so long after it at the latest. Units: seconds.
local LATELY_S = 60


local _M = {}


local records = {}    -- oldest first
local by_id = {}
local is_needed       -- tells whether a record that has ended still says what was done already


local function index()
  by_id = {}
  for _, record in ipairs(records) do
    by_id[record.id] = record
  end
end


local function may_go(record)
  return vocabulary.ENDED[record.state] and not (is_needed and is_needed(record))
         and ngx.time() - (record.applied_s or 0) >= COUNTED_S
end


-- Forgets the oldest of the ended ones.
local function prune()
  local surplus = -MAX_ENDED
  for _, record in ipairs(records) do
    surplus = surplus + (may_go(record) and 1 or 0)
  end
  if surplus <= 0 then
    return
  end

  local kept = {}
  for _, record in ipairs(records) do
    if surplus > 0 and may_go(record) then
      surplus = surplus - 1
    else
      kept[#kept + 1] = record
    end
  end
  records = kept
  index()
end


-- Whether an entry of the file is a record that can be followed.
local function is_record(entry)
  return type(entry) == "table" and type(entry.id) == "string" and type(entry.state) == "string"
         and type(entry.changes) == "table" and type(entry.place) == "table"
end


-- Reads the file. Returns true; or nil and an error where something of it, or all, could not be read.
function _M.load()
  records = {}
  local text = files.load(files.ACTIONS)
  local saved = text and cjson.decode(text)
  if text and type(saved) ~= "table" then
    index()
    return nil, "could not read " .. files.ACTIONS .. ": it is no list of actions; the tags of what was made tell its end"
  end

  for _, entry in ipairs(saved or {}) do
    records[#records + 1] = is_record(entry) and entry or nil
  end
  index()
  local odd = #(saved or {}) - #records
  if odd > 0 then
    return nil, "could not read " .. files.ACTIONS .. ": " .. odd .. " of it is no action; the tags of what was made tell its end"
  end

  return true
end


-- Writes the file. Returns true, or nil and an error: then nothing may be done.
function _M.save()
  if not lease.holds() then
    return nil, "another worker leads this node by now"
  end

  prune()
  setmetatable(records, cjson.array_mt)
  return files.save(files.ACTIONS, cjson.encode(records))
end


-- Adds a record, or sets the state of one, and writes it down. Returns true; or nil and an error:
-- then all is as before.
function _M.set(record, state)
  local former, former_s, is_new = record.state, record.changed_s, not by_id[record.id]
  record.state = state
  record.changed_s = ngx.time()
  if is_new then
    records[#records + 1] = record
    by_id[record.id] = record
  end

  local ok, err = _M.save()
  if ok then
    return true
  end

  record.state, record.changed_s = former, former_s
  if is_new then
    records[#records] = nil
    by_id[record.id] = nil
  end
  return nil, err
end


-- Sets what tells whether a record that has ended is still needed.
function _M.keep(needed)
  is_needed = needed
end


function _M.get(id)
  return by_id[id]
end


-- Whether an action is at it, or came to where it is not long ago.
local function was_lately(record, now)
  return record.state == "applying" or record.state == "reverting" or now - record.changed_s < LATELY_S
end


-- Whether an action changed an entity lately, or changed it back.
function _M.has_changed(id)
  local now = ngx.time()
  for _, record in ipairs(records) do
    if record.applied_s and was_lately(record, now) then
      for _, change in ipairs(record.changes) do
        if change.id == id then
          return true
        end
      end
    end
  end

  return false
end


-- All records, oldest first.
function _M.all()
  return records
end


function _M.is_ended(record)
  return vocabulary.ENDED[record.state] == true
end


return _M
