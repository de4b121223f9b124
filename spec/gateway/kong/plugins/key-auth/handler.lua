-- A stand-in for Kong's key-auth: keys in a header or a query argument.


local runtime = require "gateway.runtime"


local kong = kong


local KeyAuth = {
  PRIORITY = 1250,
  VERSION = "3.9.1",
}


local function find_key(config)
  local headers, query = kong.request.get_headers(), kong.request.get_query()
  for _, name in ipairs(config.key_names) do
    local key = config.key_in_header and headers[name] or nil
    if not key and config.key_in_query then
      key = query[name]
    end

    if type(key) == "table" then
      return nil, "Duplicate API key found"
    elseif type(key) == "string" and key ~= "" then
      if config.hide_credentials then
        kong.service.request.clear_header(name)
      end
      return key
    end
  end

  return nil, "No API key found in request"
end


local function set_or_clear(name, value)
  if value then
    kong.service.request.set_header(name, value)
  else
    kong.service.request.clear_header(name)
  end
end


local function authenticate(consumer, credential)
  kong.client.authenticate(consumer, credential)
  set_or_clear("X-Consumer-ID", consumer.id)
  set_or_clear("X-Consumer-Custom-ID", consumer.custom_id)
  set_or_clear("X-Consumer-Username", consumer.username)
  set_or_clear("X-Credential-Identifier", credential.id)
  set_or_clear("X-Anonymous-Consumer", nil)
end


function KeyAuth:access(config)
  local key, err = find_key(config)
  local credential = key and runtime.get().credentials[key]
  if credential then
    return authenticate(runtime.get().consumers[credential.consumer.id], credential)
  end

  return kong.response.error(401, err or "Unauthorized", {
    ["WWW-Authenticate"] = config.realm and ('Key realm="%s"'):format(config.realm) or "Key",
  })
end


return KeyAuth
