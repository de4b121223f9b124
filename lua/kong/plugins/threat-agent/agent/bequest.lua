-- What a node has changed in entities that are somebody's, and what stood there before, kept in the store while it stands:
-- should the node be lost with its files, another one sets it back when its time is over. What is made for the agent itself
-- says by its tags when that is (agent/operations.lua).

local cjson = require "cjson.safe"
local failing = require "kong.plugins.threat-agent.agent.failing"
local stores = require "kong.plugins.threat-agent.stores"


local kong = kong
local ngx = ngx
local ipairs = ipairs
local pairs = pairs
local type = type


-- Kept so long beyond its time at the latest, whoever is left. Units: seconds.
local KEPT_S = 86400


local _M = {}


-- The store of an instance; nil where it is this node's own memory, or was not kept with it.
local function store_of(conf)
  local store = conf.store
  return store and store.type ~= "memory" and store or nil
end


local function key_of(node, id)
  return node .. "/" .. id
end


-- The changes that no tag tells the end of.
local function changes_of(record)
  local found = {}
  for _, change in ipairs(record.changes) do
    if change.op == "patch" or change.op == "insert" then
      local copy = {}
      for name, value in pairs(change) do
        copy[name] = value
      end
      copy.tags = nil
      found[#found + 1] = copy
    end
  end

  return found
end


-- Keeps what a record is about to change. A store that is away holds no action up.
function _M.leave(record, conf)
  local store, changes = store_of(conf), changes_of(record)
  if not store or not record.expires_s or not changes[1] then
    return
  end

  local node = kong.node.get_id()
  local ok, err = stores.hold(store, {
    kind = "change",
    key = key_of(node, record.id),
    at_s = ngx.time(),
    kept_s = record.expires_s - ngx.time() + KEPT_S,
    text = cjson.encode({ node = node, id = record.id, expires_s = record.expires_s,
                          workspace = record.place.workspace, changes = changes }),
  })
  record.is_left = ok or nil
  failing.check(ok, "keep in the store what actions change", err, "warn")
end


-- Forgets what was kept of a record that was taken back.
function _M.withdraw(record, conf)
  local store = record.is_left and store_of(conf)
  if not store then
    return
  end

  local ok, err = _M.forget({ node = kong.node.get_id(), id = record.id }, conf)
  record.is_left = not ok or nil
  failing.check(ok, "forget in the store what actions changed", err, "warn")
end


-- Reads what is kept of a record; nil where that is not whole.
local function read(text)
  local left = cjson.decode(text)
  if type(left) ~= "table" or type(left.node) ~= "string" or type(left.id) ~= "string" or type(left.expires_s) ~= "number"
     or left.workspace ~= nil and type(left.workspace) ~= "string" or type(left.changes) ~= "table"
  then
    return nil
  end

  for _, change in ipairs(left.changes) do
    if type(change) ~= "table" or type(change.kind) ~= "string" or type(change.id) ~= "string" then
      return nil
    end
  end
  return left
end


-- Lists what is kept of all nodes: { node, id, expires_s, workspace, changes } each. Returns nil and an error.
function _M.list(conf)
  local store = store_of(conf)
  if not store then
    return {}
  end

  local texts, err = stores.held(store, "change")
  if not texts then
    return nil, err
  end

  local found = {}
  for _, text in ipairs(texts) do
    found[#found + 1] = read(text)
  end
  return found
end


-- Forgets one of them. Returns true, or nil and an error.
function _M.forget(left, conf)
  return stores.release(store_of(conf), { kind = "change", key = key_of(left.node, left.id) })
end


return _M
