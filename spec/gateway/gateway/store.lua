-- The entities, kept in shared memory for all workers. Every write replaces the
-- whole document and moves the version on; workers notice and rebuild.


local json = require "gateway.json"


local LOCK_S = 5
local WAIT_S = 0.01


local function shared()
  return ngx.shared.gateway
end


-- Stores the entities. The hash is that of the text they came in, where there is one.
local function save(db, hash)
  local text, err = json.encode(db)
  if not text then
    return nil, "could not encode the configuration: " .. err
  end

  local dict = shared()
  local ok
  ok, err = dict:set("document", text)
  if not ok then
    return nil, "could not store the configuration: " .. err
  end

  dict:set("hash", hash or ngx.md5(text))
  return dict:incr("version", 1, 0)
end


local function load()
  return json.decode(shared():get("document"))
end


local function version()
  return shared():get("version")
end


local function current_hash()
  return shared():get("hash")
end


-- Runs change(db) alone among the workers and saves what it changed. change gives a
-- result, or nil and an error, in which case nothing is saved.
local function update(change)
  local dict = shared()
  while not dict:add("lock", true, LOCK_S) do
    ngx.sleep(WAIT_S)
  end

  local db = load()
  local ok, result, err = pcall(change, db)
  if not ok then
    result, err = nil, result
  elseif result ~= nil then
    local saved
    saved, err = save(db)
    result = saved and result or nil
  end

  dict:delete("lock")
  return result, err
end


return {
  save = save,
  load = load,
  version = version,
  hash = current_hash,
  update = update,
}
