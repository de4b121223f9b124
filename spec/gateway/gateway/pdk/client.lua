-- kong.client: who is asking.


local phase = require "gateway.pdk.phase"
local runtime = require "gateway.runtime"
local uuid = require "gateway.uuid"


local may_authenticate = phase.only_in("access")


local client = {}


function client.get_ip()
  phase.in_request()
  return ngx.var.realip_remote_addr or ngx.var.remote_addr
end


function client.get_forwarded_ip()
  phase.in_request()
  return ngx.var.remote_addr
end


function client.get_port()
  phase.in_request()
  return tonumber(ngx.var.realip_remote_port or ngx.var.remote_port)
end


function client.get_forwarded_port()
  phase.in_request()
  return tonumber(ngx.var.remote_port)
end


function client.get_credential()
  phase.after_auth()
  return ngx.ctx.authenticated_credential
end


function client.get_consumer()
  phase.after_auth()
  return ngx.ctx.authenticated_consumer
end


function client.load_consumer(id, search_by_username)
  phase.after_auth()

  if type(id) ~= "string" then
    error("consumer_id must be a string", 2)
  end

  local consumers = runtime.get().consumers
  if uuid.is_valid(id) then
    return consumers[id]
  end

  if not search_by_username then
    error("cannot load a consumer with an id that is not a uuid", 2)
  end

  for _, consumer in pairs(consumers) do
    if consumer.username == id then
      return consumer
    end
  end
end


function client.authenticate(consumer, credential)
  may_authenticate()

  for name, value in pairs({ consumer = consumer, credential = credential }) do
    if type(value) ~= "table" then
      error(name .. " must be a table or nil", 2)
    end
  end

  if consumer == nil and credential == nil then
    error("either credential or consumer must be provided", 2)
  end

  ngx.ctx.authenticated_consumer = consumer
  ngx.ctx.authenticated_credential = credential
end


function client.get_protocol()
  phase.after_auth()

  if not ngx.ctx.route then
    return nil, "No active route found"
  end

  return ngx.var.scheme
end


return client
