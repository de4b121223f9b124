-- The record of every decision, refused ones and dry runs included: lines that only grow, each with
-- a hash over the one before (`threat-agent ledger verify` follows them).

local cjson = require "cjson.safe"
local files = require "kong.plugins.threat-agent.files"
local pseudonyms = require "kong.plugins.threat-agent.agent.pseudonyms"
local region = require "kong.plugins.threat-agent.region"


local kong = kong
local ngx = ngx


local GENESIS = ("0"):rep(64)
local TAIL_BYTES = 65536
-- A ledger of this size is put aside, and the next one follows its last line.
local MAX_BYTES = 16 * 1024 * 1024


-- Lines that wait to be told; of more the oldest are in the file only.
local MAX_NEW = 256


local _M = {}


local head      -- hash of the last line
local new = {}  -- lines since they were last taken


local function last_hash()
  local tail, size = files.tail(files.LEDGER, TAIL_BYTES)
  local line = tail and tail:match("([^\n]+)\n$")
  return line and line:match('^{"hash":"(%x+)"') or GENESIS, size or 0
end


-- Writes pseudonyms for clients, wherever a value names them.
local function hide(value, names)
  if type(value) == "table" then
    local copy = setmetatable({}, getmetatable(value))
    for key, item in pairs(value) do
      copy[key] = hide(item, names)
    end
    return copy
  elseif type(value) ~= "string" then
    return value
  end

  return names[value] or value:gsub("[%x:%.]+", function(word)
    local address, rest = word:match("^(.-)([%.:]*)$")
    return names[address] and names[address] .. rest
  end)
end


-- A copy of a record in which clients go by their pseudonyms.
local function without_addresses(record)
  local names = {}
  for _, client in ipairs(record.clients or {}) do
    names[client] = pseudonyms.of(client)
  end

  record = hide(record, names)
  local copy = {}
  for name, value in pairs(record) do
    copy[name] = value
  end

  if record.changes then
    copy.changes = setmetatable({}, cjson.array_mt)
    for i, change in ipairs(record.changes) do
      copy.changes[i] = { op = change.op, kind = change.kind, id = change.id, before = change.before,
                          set = change.op == "patch" and change.set or nil, value = change.value }
    end
  end

  return copy
end


-- Reads where the chain stands; by each new leader.
function _M.open()
  head = last_hash()
end


-- Writes what was decided about a record. event: what happened; why: in words.
-- key: the operator's, or nil.
function _M.write(event, record, why, key)
  local told = {
    at_s = ngx.time(),
    node = kong.node.get_id(),
    event = event,
    why = why,
    action = without_addresses(record),
  }
  local entry = cjson.encode(told)

  local _, size = files.tail(files.LEDGER, 0)
  if size and size > MAX_BYTES then
    files.rename(files.LEDGER, "ledger-" .. ngx.time() .. ".jsonl")
  end

  local hash = region.digest(key or "", head .. entry)
  local line = '{"hash":"' .. hash .. '","previous":"' .. head .. '","entry":' .. entry .. "}"
  local ok, err = files.append(files.LEDGER, line)
  if not ok then
    kong.log.err("the ledger lacks a line: ", err)
    return
  end

  new[#new + 1] = { hash = hash, previous = head, entry = told, text = line }
  if #new > MAX_NEW then
    table.remove(new, 1)
  end
  head = hash
end


-- The hash of the last line; nil while there is none.
function _M.head()
  return head ~= GENESIS and head or nil
end


-- Takes out the lines that were written since the last call: { hash, previous, entry, text }; the text
-- is what the hash is of.
function _M.take_new()
  local lines = new
  new = {}
  return lines
end


return _M
