-- kong.service.request: changes to what the upstream gets.


local phase = require "gateway.pdk.phase"


local may_change = phase.only_in("rewrite", "access", "balancer")


local request = {}


function request.set_header(name, value)
  may_change()

  local kind = type(value)
  if type(name) ~= "string" then
    error(("invalid header name %q: got %s, expected string"):format(tostring(name), type(name)), 2)
  elseif kind ~= "string" and kind ~= "number" and kind ~= "boolean" and kind ~= "table" then
    error(("invalid header value for %q: got %s, expected array of string, string, number or boolean")
          :format(name, kind), 2)
  end

  if name:lower() == "host" then
    ngx.var.upstream_host = value
  end

  if kind == "boolean" then
    value = tostring(value)
  end

  ngx.req.set_header(name, value)
end


function request.clear_header(name)
  may_change()

  if type(name) ~= "string" then
    error("header must be a string", 2)
  end

  ngx.req.clear_header(name)
end


return { request = request }
