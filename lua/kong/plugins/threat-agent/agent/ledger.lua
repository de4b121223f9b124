-- The record of every decision, refused ones and dry runs included: lines that only grow, each with
-- a hash over the one before (`threat-agent ledger verify` follows them).

local cjson = require "cjson.safe"
local files = require "kong.plugins.threat-agent.files"
local native = require "kong.plugins.threat-agent.native"
local pseudonyms = require "kong.plugins.threat-agent.agent.pseudonyms"


local kong = kong
local ngx = ngx


local GENESIS = ("0"):rep(64)
local TAIL_BYTES = 65536
-- A ledger of this size is put aside, and the next one follows its last line.
local MAX_BYTES = 16 * 1024 * 1024


local _M = {}


local head      -- hash of the last line


local function last_hash()
  local tail, size = files.tail(files.LEDGER, TAIL_BYTES)
  local line = tail and tail:match("([^\n]+)\n$")
  return line and line:match('^{"hash":"(%x+)"') or GENESIS, size or 0
end


-- Client addresses do not stand in the ledger.
local function without_addresses(record)
  local copy = {}
  for name, value in pairs(record) do
    copy[name] = value
  end

  if record.clients then
    copy.clients = setmetatable({}, cjson.array_mt)
    for i, client in ipairs(record.clients) do
      copy.clients[i] = pseudonyms.of(client)
    end
  end

  if record.changes then
    copy.changes = setmetatable({}, cjson.array_mt)
    for i, change in ipairs(record.changes) do
      copy.changes[i] = { op = change.op, kind = change.kind, id = change.id, before = change.before,
                          set = change.op == "patch" and change.set or nil }
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
  local entry = cjson.encode({
    at_s = ngx.time(),
    node = kong.node.get_id(),
    event = event,
    why = why,
    action = without_addresses(record),
  })

  local _, size = files.tail(files.LEDGER, 0)
  if size and size > MAX_BYTES then
    files.rename(files.LEDGER, "ledger-" .. ngx.time() .. ".jsonl")
  end

  local hash = native.digest(key or "", head .. entry)
  local ok, err = files.append(files.LEDGER,
                               '{"hash":"' .. hash .. '","previous":"' .. head .. '","entry":' .. entry .. "}")
  if not ok then
    kong.log.err("the ledger lacks a line: ", err)
    return
  end

  head = hash
end


-- The hash of the last line.
function _M.head()
  return head
end


return _M
