-- From a matched route to nginx's proxy_pass: the variables it reads, the address it
-- goes to, and the headers that Kong adds on the way back.


local json = require "gateway.json"
local uri = require "gateway.uri"


local lower = string.lower


local SERVER = "kong/" .. require("gateway.pdk").VERSION
local DEFAULT_PORTS = { http = 80, https = 443 }


-- The address of a host: it is one already, or it is localhost. There is no resolver here.
local function address_of(host)
  if host == "localhost" then
    return "127.0.0.1"
  end

  return (host:match("^[%d.]+$") or host:match("^[%x:]+$")) and host or nil
end


local function set_forwarded(ctx, match)
  local var, headers = ngx.var, ngx.req.get_headers()
  local trusted = var.peer_trusted == "1"
  local given = headers["x-forwarded-for"]
  given = type(given) == "table" and given[1] or given

  var.upstream_x_forwarded_for = given and given .. ", " .. var.realip_remote_addr or var.remote_addr
  var.upstream_x_forwarded_proto = trusted and headers["x-forwarded-proto"] or var.scheme
  var.upstream_x_forwarded_host = trusted and headers["x-forwarded-host"] or var.host
  var.upstream_x_forwarded_port = trusted and headers["x-forwarded-port"] or var.server_port
  var.upstream_x_forwarded_path = ctx.request_uri:match("^[^?]*")
  if match.prefix and match.prefix ~= "/" then
    var.upstream_x_forwarded_prefix = match.prefix
  end
end


-- Takes over a match: the request now has a route and perhaps a service.
local function prepare(ctx, match)
  ctx.route = match.route
  ctx.service = match.service

  local var = ngx.var
  local service = match.service
  ctx.balancer_data = {
    scheme = service and service.protocol or "http",
    host = service and service.host,
    port = service and service.port,
    tries = setmetatable({}, json.array_mt),
  }

  var.upstream_scheme = ctx.balancer_data.scheme
  var.upstream_uri = uri.escape(match.upstream_path)
  if match.route.preserve_host then
    var.upstream_host = var.http_host or var.host
  end

  local upgrade = var.http_upgrade
  if upgrade and lower(upgrade) == "websocket" then
    var.upstream_connection = "keep-alive, Upgrade"
    var.upstream_upgrade = "websocket"
  else
    var.upstream_connection = "keep-alive"
  end

  set_forwarded(ctx, match)
  var.upstream_via = (ngx.req.http_version() or "1.1") .. " " .. SERVER
end


-- The location with the buffering that the route asks for, or nil for the usual one.
local function location_for(route)
  if route.request_buffering == false then
    return route.response_buffering == false and "@unbuffered" or "@unbuffered_request"
  end

  return route.response_buffering == false and "@unbuffered_response" or nil
end


-- Readies the upstream after the plugins have run. Gives nil and an error when there is none.
local function finish(ctx)
  local var, data = ngx.var, ctx.balancer_data
  if ctx.request_uri:sub(-1) == "?" or var.is_args == "?" then
    var.upstream_uri = var.upstream_uri .. "?" .. (var.args or "")
  end

  data.ip = address_of(data.host)
  if not data.ip then
    return nil, "name resolution failed"
  end

  if var.upstream_host == "" then
    local port = data.port ~= DEFAULT_PORTS[data.scheme] and ":" .. data.port or ""
    var.upstream_host = data.host .. port
  end

  return true
end


local function seconds(milliseconds)
  return milliseconds / 1000
end


-- Gives nginx the peer to connect to.
local function balance(ctx)
  local balancer = require "ngx.balancer"
  local data, service = ctx.balancer_data, ctx.service

  table.insert(data.tries, {
    ip = data.ip,
    port = data.port,
    balancer_start = ngx.now() * 1000,
    balancer_latency = 0,
  })

  assert(balancer.set_current_peer(data.ip, data.port))
  balancer.set_timeouts(seconds(service.connect_timeout), seconds(service.write_timeout),
                        seconds(service.read_timeout))
end


-- Sets Kong's own response headers.
local function add_headers(ctx)
  local header = ngx.header
  if ctx.KONG_PROXIED then
    header["X-Kong-Upstream-Latency"] = ctx.KONG_WAITING_TIME
    header["X-Kong-Proxy-Latency"] = ctx.KONG_PROXY_LATENCY
    header["Via"] = "1.1 " .. SERVER
  else
    header["X-Kong-Response-Latency"] = ctx.KONG_RESPONSE_LATENCY
    header["Server"] = SERVER
  end

  header["X-Kong-Request-Id"] = ngx.var.kong_request_id
end


return {
  SERVER = SERVER,
  prepare = prepare,
  location_for = location_for,
  finish = finish,
  balance = balance,
  add_headers = add_headers,
}
