-- Redis streams: `<prefix>:incident` and `<prefix>:ledger`, one entry for each change, bounded in
-- number and by age; and a hash for what holds for a time: `<prefix>:change`.
-- Source: https://redis.io/docs/latest/develop/data-types/streams/
--
-- lua-resty-redis is what Kong itself brings along and uses.

local elapsed = require "kong.plugins.threat-agent.elapsed"
local given = require "kong.plugins.threat-agent.given"


local ngx = ngx
local tostring = tostring


local POOL_IDLE_MS, POOL_SIZE = 10000, 4
-- Between two looks for what is too old. Units: seconds.
local TRIM_S = 60


local _M = {}


local trimmed_s = {}     -- stream → when it was last trimmed


local function authenticate(client, settings)
  local password = given(settings.password)
  if not password then
    return true
  end

  local username = given(settings.username)
  if username then
    return client:auth(username, password)
  end

  return client:auth(password)
end


local function connect(settings)
  local found, redis = pcall(require, "resty.redis")
  if not found then
    return nil, "lua-resty-redis is not installed"
  end

  local client = redis:new()
  client:set_timeout(settings.timeout)
  local ok, err = client:connect(settings.host, settings.port, {
    ssl = settings.ssl,
    ssl_verify = settings.ssl_verify,
    server_name = given(settings.server_name),
    -- What a connection was opened with is what it is used with.
    pool = table.concat({ "threat-agent", settings.host, settings.port, settings.database, tostring(settings.ssl),
                          tostring(settings.ssl_verify), given(settings.username) or "" }, ":"),
  })
  if not ok then
    return nil, err
  end

  if client:get_reused_times() == 0 then
    ok, err = authenticate(client, settings)
    if ok and settings.database ~= 0 then
      ok, err = client:select(settings.database)
    end
    if not ok then
      client:close()
      return nil, err
    end
  end

  return client
end


local function leave(client)
  local ok = client:set_keepalive(POOL_IDLE_MS, POOL_SIZE)
  if not ok then
    client:close()
  end
end


local function key_of(settings, kind)
  return settings.prefix .. ":" .. kind
end


-- Drops what is older than the retention. Redis before 6.2 cannot, and keeps to the number.
local function trim(client, stream, retention_s)
  local now_s = ngx.time()
  if not elapsed(trimmed_s[stream] or 0, TRIM_S, now_s) then
    return
  end

  trimmed_s[stream] = now_s
  client:xtrim(stream, "MINID", "~", (now_s - retention_s) * 1000)
end


function _M.append(store, entry)
  local client, err = connect(store.redis)
  if not client then
    return nil, "could not reach Redis: " .. tostring(err), true
  end

  local stream = key_of(store.redis, entry.kind)
  local ok
  ok, err = client:xadd(stream, "MAXLEN", "~", store.max_entries, "*", "key", entry.key, "at_s", entry.at_s,
                        "text", entry.text)
  if not ok then
    client:close()
    return nil, "could not write to Redis: " .. tostring(err), true
  end

  trim(client, stream, store.retention_s)
  leave(client)
  return true
end


-- Asks Redis for one thing.
local function ask(settings, command, ...)
  local client, err = connect(settings)
  if not client then
    return nil, "could not reach Redis: " .. tostring(err)
  end

  local answer
  answer, err = client[command](client, ...)
  if not answer then
    client:close()
    return nil, "could not ask Redis for " .. command .. ": " .. tostring(err)
  end

  leave(client)
  return answer
end


function _M.hold(store, entry)
  local ok, err = ask(store.redis, "hset", key_of(store.redis, entry.kind), entry.key, entry.text)
  return ok and true, err
end


function _M.release(store, entry)
  local ok, err = ask(store.redis, "hdel", key_of(store.redis, entry.kind), entry.key)
  return ok and true, err
end


function _M.held(store, kind)
  return ask(store.redis, "hvals", key_of(store.redis, kind))
end


local function field_of(entry, name)
  for i = 1, #entry, 2 do
    if entry[i] == name then
      return entry[i + 1]
    end
  end
end


function _M.list(store, query)
  -- The id that follows: exclusive ranges need Redis 6.2.
  local ms, sequence = (query.after or ""):match("^(%d+)%-(%d+)$")
  local first = ms and ("%s-%d"):format(ms, sequence + 1) or "-"
  local entries, err = ask(store.redis, "xrange", key_of(store.redis, query.kind), first, "+", "COUNT", query.limit)
  if not entries then
    return nil, err
  end

  local page, last = {}, nil
  for i, entry in ipairs(entries) do
    last, page[i] = entry[1], field_of(entry[2], "text")
  end
  return page, #page == query.limit and last or nil
end


return _M
