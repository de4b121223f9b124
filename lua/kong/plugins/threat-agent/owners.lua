-- Whose a credential is, by its id, whichever of Kong's authentication plugins it belongs to.

local kong = kong
local ngx = ngx
local ipairs = ipairs
local pcall = pcall
local type = type


-- Whatever workspace they are in.
local EVERYWHERE = { workspace = ngx.null }

local CREDENTIALS = {
  "keyauth_credentials", "basicauth_credentials", "hmacauth_credentials", "jwt_secrets", "oauth2_credentials",
}


-- Counting reads them all: the number is kept for a while. Units: seconds.
local KEPT_S = 60
local MOST_COUNTED = 100000


local _M = {}


local counted, counted_s = 0, nil


local function select(name, id)
  local dao = kong.db[name]
  if not dao then
    return nil
  end

  local ok, entity = pcall(dao.select, dao, { id = id }, EVERYWHERE)
  return ok and type(entity) == "table" and entity or nil
end


local function consumer_of(credential)
  for _, name in ipairs(CREDENTIALS) do
    local found = select(name, credential)
    if found then
      return type(found.consumer) == "table" and found.consumer.id or nil
    end
  end
end


-- The consumer's id and username that a consumer's or a credential's id leads to; nil when it is not
-- known.
function _M.of(by, id)
  local consumer_id = id
  if by == "credential" then
    consumer_id = consumer_of(id)
  end

  local consumer = consumer_id and select("consumers", consumer_id)
  if not consumer then
    return consumer_id
  end

  return consumer.id, consumer.username ~= ngx.null and consumer.username or nil
end


-- How many consumers there are, as far as that is worth counting.
function _M.count()
  local now = ngx.now()
  if counted_s and now - counted_s < KEPT_S then
    return counted
  end

  local number = 0
  local ok = pcall(function()
    for _ in kong.db.consumers:each(1000, EVERYWHERE) do
      number = number + 1
      if number >= MOST_COUNTED then
        return
      end
    end
  end)
  if ok then
    counted, counted_s = number, now
  end

  return counted
end


return _M
