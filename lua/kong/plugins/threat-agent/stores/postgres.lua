-- Kong's own database, through the plugin's entity `threat_agent_records` (`daos.lua`): one row for
-- each incident as it stands, and one for each ledger line. Kong drops rows whose time is over.

local native = require "kong.plugins.threat-agent.native"


local kong = kong
local tostring = tostring


local MISSING = "this node has no database for the store: set `store.type` to redis or memory"


local _M = {}


local function dao()
  local db = kong.db
  return db.strategy == "postgres" and db.threat_agent_records or nil
end


-- The same key has the same row, on whatever node.
local function row_id(entry)
  local digest = native.digest("threat-agent", entry.kind .. "/" .. entry.key)
  return digest and ("%s-%s-%s-%s-%s"):format(digest:sub(1, 8), digest:sub(9, 12), "4" .. digest:sub(14, 16),
                                               "8" .. digest:sub(18, 20), digest:sub(21, 32))
end


function _M.append(store, entry)
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
  }, { ttl = store.retention_s, no_broadcast_crud_event = true })
  if not row then
    return nil, "could not write to the database: " .. tostring(err), true
  end

  return true
end


-- Rows come in the order of their ids, page by page, and are of both kinds.
function _M.list(_, query)
  local records = dao()
  if not records then
    return nil, MISSING
  end

  local page, offset = {}, query.after
  repeat
    local rows, err, _, next_offset = records:page(query.limit, offset)
    if not rows then
      return nil, "could not read the database: " .. tostring(err)
    end

    for _, row in ipairs(rows) do
      if row.kind == query.kind then
        page[#page + 1] = row.body
      end
    end
    offset = next_offset
  until not offset or #page > 0

  return page, offset
end


return _M
