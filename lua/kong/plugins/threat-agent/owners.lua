-- Whose a credential is, by its id, whichever of Kong's authentication plugins it belongs to.

local database = require "kong.plugins.threat-agent.database"


local ngx = ngx
local ipairs = ipairs
local type = type


local CREDENTIALS = {
  "keyauth_credentials", "basicauth_credentials", "hmacauth_credentials", "jwt_secrets", "oauth2_credentials",
}


local _M = {}


local function consumer_of(credential)
  for _, name in ipairs(CREDENTIALS) do
    local found = database.select(name, credential)
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

  local consumer = consumer_id and database.select("consumers", consumer_id)
  if not consumer then
    return consumer_id
  end

  return consumer.id, consumer.username ~= ngx.null and consumer.username or nil
end


return _M
