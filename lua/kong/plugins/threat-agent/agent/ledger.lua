-- The record of every decision, refused ones and dry runs included: lines that only grow, each with
-- a hash over the one before (`threat-agent ledger verify` follows them).

local cjson = require "cjson.safe"
local chain = require "kong.plugins.threat-agent.agent.chain"
local failing = require "kong.plugins.threat-agent.agent.failing"
local pseudonyms = require "kong.plugins.threat-agent.agent.pseudonyms"
local region = require "kong.plugins.threat-agent.region"


local kong = kong
local ngx = ngx
local ipairs = ipairs
local pairs = pairs
local type = type


-- Lines that wait to be told; of more the oldest are in the file only.
local MAX_NEW = 256


local _M = {}


local head      -- hash of the last line
local new = {}  -- lines since they were last taken


-- What a record names people by.
local PEOPLE = { "approved_by", "ended_by" }
-- What it says in words.
local WORDS = { "why", "title", "failure" }


local function is_address(word)
  return word:find("^%d+%.%d+%.%d+%.%d+$") ~= nil or select(2, word:gsub(":", "")) > 2 or word:find("%x::") ~= nil
end


-- Writes pseudonyms for clients, wherever a value names them. texts: whether any address is taken for one.
local function hide(value, names, texts)
  if type(value) == "table" then
    local copy = setmetatable({}, getmetatable(value))
    for key, item in pairs(value) do
      copy[key] = hide(item, names, texts)
    end
    return copy
  elseif type(value) ~= "string" then
    return value
  end

  return names[value] or value:gsub("[%x:%.]+", function(word)
    local address, rest = word:match("^(.-)([%.:]*)$")
    local name = names[address] or texts and is_address(address) and pseudonyms.of(address)
    return name and name .. rest
  end)
end


-- The same in what is said in words, where people go by any name. people: name → pseudonym.
local function hide_in_words(text, names, people)
  if type(text) ~= "string" then
    return nil
  end

  for person, pseudonym in pairs(people) do
    local at, to = text:find(person, 1, true)
    while at do
      text = text:sub(1, at - 1) .. pseudonym .. text:sub(to + 1)
      at, to = text:find(person, at + #pseudonym, true)
    end
  end

  return hide(text, names, true)
end


-- A copy of a record, and of why, in which clients and operators go by their pseudonyms.
local function without_names(record, why)
  local names, people = {}, {}
  for _, list in ipairs({ record.clients or {}, record.named }) do
    for _, client in ipairs(list) do
      names[client] = pseudonyms.of(client)
    end
  end

  local copy = hide(record, names)
  for _, field in ipairs(PEOPLE) do
    local person = record[field]
    if type(person) == "string" and person ~= "" then
      people[person] = pseudonyms.of(person)
      copy[field] = people[person]
    end
  end
  for _, field in ipairs(WORDS) do
    copy[field] = hide_in_words(record[field], names, people)
  end

  if record.changes then
    local changes = copy.changes
    copy.changes = setmetatable({}, cjson.array_mt)
    for i, change in ipairs(changes) do
      copy.changes[i] = { op = change.op, kind = change.kind, id = change.id, before = change.before,
                          set = change.op == "patch" and change.set or nil, value = change.value }
    end
  end

  return copy, hide_in_words(why, names, people)
end


-- Reads where the chain stands; by each new leader.
function _M.open()
  head = chain.last()
end


-- Writes what was decided about a record. event: what happened; why: in words.
-- key: the operator's, or nil; calls: what was asked of the Admin API for it, or nil.
function _M.write(event, record, why, key, calls)
  local action, said = without_names(record, why)
  local told = {
    at_s = ngx.time(),
    node = kong.node.get_id(),
    event = event,
    why = said,
    action = action,
    calls = calls,
  }
  local entry = cjson.encode(told)
  local hash = region.digest(key or "", head .. entry)
  local line = '{"hash":"' .. hash .. '","previous":"' .. head .. '","entry":' .. entry .. "}"
  local ok, err = chain.add(line)
  if not failing.check(ok, "write lines of the ledger, which it lacks now", err) then
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
  return head ~= chain.GENESIS and head or nil
end


-- Takes out the lines that were written since the last call: { hash, previous, entry, text }; the text
-- is what the hash is of.
function _M.take_new()
  local lines = new
  new = {}
  return lines
end


return _M
