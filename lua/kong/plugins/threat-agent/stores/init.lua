-- The registry of stores: one file for each kind, one contract for all:
--
--   append(store, entry)     keeps an entry: { kind, key, at_s, text }; the same key replaces or repeats
--   list(store, query)       reads entries page by page, the oldest first: query = { kind, after, limit }
--
-- `append` returns true; or nil, an error, and whether another try may succeed. `list` returns a list
-- of texts and, where there are more, what to ask for with `after`; or nil and an error. Kinds are
-- `incident` and `ledger`. Both may yield and never raise. Those beyond the node also keep what holds for a time:
--
--   hold(store, entry)       keeps an entry as it is now: { kind, key, at_s, kept_s, text }
--   release(store, entry)    forgets it: { kind, key }
--   held(store, kind)        lists the texts of those that are kept
--
-- The kind is `change`. They return true, or a list; or nil and an error.

local cjson = require "cjson.safe"


local ipairs = ipairs
local pcall = pcall
local tostring = tostring


local STORES = {
  memory = require "kong.plugins.threat-agent.stores.memory",
  postgres = require "kong.plugins.threat-agent.stores.postgres",
  redis = require "kong.plugins.threat-agent.stores.redis",
}


local _M = {}


-- What is kept of an event; nil for events that only people need.
local function entry_of(event)
  if event.ledger then
    return { kind = "ledger", key = event.ledger.hash, at_s = event.at_s, text = event.ledger.text }
  elseif not event.incident then
    return nil
  end

  local kept = { actions = event.actions, node = event.node, mode = event.mode }
  for name, value in pairs(event.incident) do
    kept[name] = value
  end
  return { kind = "incident", key = event.node .. "/" .. event.incident.id, at_s = event.at_s, text = cjson.encode(kept) }
end


-- Keeps an event, in the way of a notifier.
function _M.keep(store, event)
  local entry = entry_of(event)
  if not entry then
    return true
  end

  local called, ok, err, passes = pcall(STORES[store.type].append, store, entry)
  if not called then
    return nil, "could not keep an incident: " .. tostring(ok), false
  end

  return ok, err, passes
end


local function call(name, store, ...)
  local called, result, more = pcall(STORES[store.type][name], store, ...)
  if not called then
    return nil, "could not use the store: " .. tostring(result)
  end

  return result, more
end


for _, name in ipairs({ "list", "hold", "release", "held" }) do
  _M[name] = function(store, ...)
    return call(name, store, ...)
  end
end


return _M
