-- Kong's own database, through the plugin's entity `threat_agent_records` (`daos.lua`): one row for
-- each incident as it stands, and one for each ledger line. Kong drops rows whose time is over.

local region = require "kong.plugins.threat-agent.region"


local kong = kong
local ipairs = ipairs
local tostring = tostring


local MISSING = "this node has no database for the store: set `store.type` to redis or memory"


local _M = {}


local function dao()
  local db = kong.db
  return db.strategy == "postgres" and db.threat_agent_records or nil
end


-- The same key has the same row, on whatever node.
local function row_id(entry)
  local digest = region.digest("threat-agent", entry.kind .. "/" .. entry.key)
  return digest and ("%s-%s-%s-%s-%s"):format(digest:sub(1, 8), digest:sub(9, 12), "4" .. digest:sub(14, 16),
                                               "8" .. digest:sub(18, 20), digest:sub(21, 32))
end


local function put(entry, ttl_s)
  local records = dao()
  if not records then
    return nil, MISSING, false
  end

  local id = row_id(entry)
  if not id then
    return nil, "could not name a row", false
  end

  local row, err = records:upsert({ id = id }, {
    kind = entry.kind, key = entry.key, at_s = entry.at_s, body = entry.text,
  }, { ttl = ttl_s, no_broadcast_crud_event = true })
  if not row then
    return nil, "could not write to the database: " .. tostring(err), true
  end

  return true
end


function _M.append(store, entry)
  return put(entry, store.retention_s)
end


function _M.hold(_, entry)
  return put(entry, entry.kept_s)
end


function _M.release(_, entry)
  local records = dao()
  if not records then
    return nil, MISSING
  end

  local ok, err = records:delete({ id = row_id(entry) }, { no_broadcast_crud_event = true })
  return ok and true, err and "could not write to the database: " .. tostring(err)
end


-- The DAO has one order, by id, and both kinds in it: pages of one kind by time are asked for in SQL, within a
-- second as they were written, so that the ledger's lines follow each other. An incident that changes
-- meanwhile comes again further on.
local PAGE = [[
  SELECT "at_s", "number", "body" FROM "threat_agent_records"
   WHERE "kind" = %s AND ("at_s", "number") > (%s, %s) AND ("ttl" IS NULL OR "ttl" >= CURRENT_TIMESTAMP)
   ORDER BY "at_s", "number" LIMIT %d
]]
local FIRST = "0-0"
-- Of a number that fits into the column.
local MOST_DIGITS = 15


local HELD = [[
  SELECT "body" FROM "threat_agent_records"
   WHERE "kind" = %s AND ("ttl" IS NULL OR "ttl" >= CURRENT_TIMESTAMP)
   ORDER BY "at_s", "number" LIMIT 10000
]]

local function select(sql)
  local rows, err = kong.db.connector:query(sql, "read")
  if not rows then
    return nil, "could not read the database: " .. tostring(err)
  end

  local texts = {}
  for i, row in ipairs(rows) do
    texts[i] = row.body
  end
  return texts, rows
end


function _M.held(_, kind)
  if not dao() then
    return nil, MISSING
  end

  return select(HELD:format(kong.db.connector:escape_literal(kind)))
end


function _M.list(_, query)
  if not dao() then
    return nil, MISSING
  end

  local at_s, number = (query.after or FIRST):match("^(%d+)%-(%d+)$")
  if not at_s or #at_s > MOST_DIGITS or #number > MOST_DIGITS then
    return nil, "`after` is not what a page gave"
  end

  local page, rows = select(PAGE:format(kong.db.connector:escape_literal(query.kind), at_s, number, query.limit))
  if not page then
    return nil, rows
  end

  local last = #rows == query.limit and rows[#rows]
  return page, last and ("%d-%d"):format(last.at_s, last.number) or nil
end


return _M
