-- How specs ask a gateway: through its proxy, its APIs, over HTTP/2, with bytes of their own.

local cjson = require "cjson.safe"
local http = require "spec.support.http"
local system = require "spec.support.system"


local quote = system.quote


local methods = {}


-- One request through the proxy: { method, path, headers, body | json, timeout_s, client }. client: the address that it comes
-- from, where X-Forwarded-For is believed.
function methods:http(request)
  if request.client then
    request.headers = request.headers or {}
    request.headers["x-forwarded-for"] = request.client
  end
  return assert(http.request(self.proxy_port, request))
end


-- One request to the Admin API.
function methods:admin(method, path, body)
  return assert(http.request(self.admin_port, { method = method, path = path, json = body }))
end


-- One request to a view of the plugin on the node that takes the traffic, such as "/actions": on its Admin API, or
-- on the dashboard's route where it has none.
function methods:agent(method, path, body)
  local seat = self.seat
  if not seat then
    return self:admin(method, "/threat-agent" .. path, body)
  end

  return self:http({ method = method, path = seat.path .. path, json = body, headers = seat.headers })
end


-- One request to the Status API.
function methods:status(path)
  return assert(http.request(self.status_port, { path = path }))
end


-- Fails to log in to fourteen accounts on a route: credential stuffing. client: an address, where X-Forwarded-For is believed.
function methods:stuff(route, client)
  for n = 1, 14 do
    self:http({ path = "/" .. route .. "/login", json = { username = "user-" .. n, password = "x" },
                headers = { ["x-forwarded-for"] = client } })
  end
end


-- A connection to the proxy that stays open: client:request{...}, :send(bytes), :read(), :close().
function methods:client(timeout_s)
  return assert(http.connect(self.proxy_port, timeout_s))
end


-- Sends bytes to the proxy as they are and gives all that comes back.
function methods:raw(bytes, timeout_s)
  return http.raw(self.proxy_port, bytes, timeout_s)
end


-- One request over HTTP/2 without TLS, by curl. Options: method, headers, body. Gives { status, body }.
function methods:http2(request)
  local parts = { "curl -s --max-time 10 --http2-prior-knowledge -w '\\n%{http_code}'" }
  if request.method then
    parts[#parts + 1] = "-X " .. quote(request.method)
  end
  for name, value in pairs(request.headers or {}) do
    parts[#parts + 1] = "-H " .. quote(name .. ": " .. value)
  end
  if request.body then
    system.write_file(self.prefix .. "/http2.body", request.body)
    parts[#parts + 1] = "--data-binary @" .. quote(self.prefix .. "/http2.body")
  end
  parts[#parts + 1] = quote("http://127.0.0.1:" .. self.h2_port .. (request.path or "/"))

  local output = assert(system.run(table.concat(parts, " ")))
  local body, status = output:match("^(.*)\n(%d%d%d)$")
  return { status = tonumber(status), body = body, json = cjson.decode(body) }
end


return methods
