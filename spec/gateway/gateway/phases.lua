-- The request's way through nginx's phases, with Kong's order and Kong's exceptions.


local error_body = require "gateway.error_body"
local pdk = require "gateway.pdk"
local proxy = require "gateway.proxy"
local runtime = require "gateway.runtime"
local stash = require "gateway.stash"
local workspace = require "gateway.workspace"


local UNEXPECTED = "An unexpected error occurred"


local function now_ms()
  ngx.update_time()
  return ngx.now() * 1000
end


local function run(entries, phase, ctx)
  for _, entry in ipairs(entries) do
    pdk.enter_plugin(ctx, entry.plugin, entry.config)
    entry.plugin.handler[phase](entry.plugin.handler, entry.config)
    pdk.leave_plugin(ctx)
  end
end


-- A request keeps the configuration that it began with.
local function runtime_of(ctx)
  if not ctx.GATEWAY_RUNTIME then
    ctx.GATEWAY_RUNTIME = runtime.get()
  end

  return ctx.GATEWAY_RUNTIME
end


local function rewrite()
  if ngx.var.kong_proxy_mode ~= "http" then
    stash.restore()
    stash.save()
    return
  end

  local ctx = ngx.ctx
  ctx.KONG_PROCESSING_START = ngx.req.start_time() * 1000
  ctx.KONG_PHASE = "rewrite"
  ctx.workspace = workspace.ID
  stash.save()

  run(runtime_of(ctx).iterator:global("rewrite"), "rewrite", ctx)
end


local function run_access(ctx)
  ctx.delay_response = true

  for plugin, config in runtime_of(ctx).iterator:collect(ctx) do
    if not ctx.delayed_response then
      pdk.enter_plugin(ctx, plugin, config)

      local thread = coroutine.create(plugin.handler.access)
      local ok, err = coroutine.resume(thread, plugin.handler, config)
      if not ok then
        kong.log.err(err)
        ctx.delayed_response = ctx.delayed_response or { failed = true }
        ctx.KONG_UNEXPECTED = true
      end

      pdk.leave_plugin(ctx)
    end
  end

  ctx.delay_response = nil
end


local function access()
  local ctx, var = ngx.ctx, ngx.var
  ctx.KONG_PHASE = "access"
  ctx.request_uri = var.request_uri

  local match = runtime_of(ctx).router:match(ngx.req.get_method(), var.host, ctx.request_uri)
  if not match then
    return kong.response.error(404, "no Route matched with those values")
  end

  proxy.prepare(ctx, match)
  local location = match.service and var.kong_proxy_mode == "http" and proxy.location_for(match.route)
  if location then
    return ngx.exec(location)
  end

  run_access(ctx)

  if ctx.delayed_response then
    ctx.KONG_RESPONSE_LATENCY = now_ms() - ctx.KONG_PROCESSING_START
    if ctx.delayed_response.failed then
      return kong.response.error(500, UNEXPECTED)
    end
    return kong.response.flush(ctx)
  end

  if not ctx.service then
    return kong.response.error(503, "no Service found with those values")
  end

  local ok, err = proxy.finish(ctx)
  if not ok then
    return kong.response.error(503, err)
  end

  ctx.KONG_ACCESS_ENDED_AT = now_ms()
  ctx.KONG_PROXIED = true
end


local function balancer()
  local ctx = ngx.ctx
  ctx.KONG_PHASE = "balancer"
  proxy.balance(ctx)
  ctx.KONG_PROXY_LATENCY = now_ms() - ctx.KONG_PROCESSING_START
end


local function header_filter()
  local ctx = ngx.ctx
  ctx.KONG_PHASE = "header_filter"
  ctx.KONG_PROCESSING_START = ctx.KONG_PROCESSING_START or ngx.req.start_time() * 1000
  ctx.KONG_HEADER_FILTER_START = now_ms()

  if ctx.KONG_PROXIED then
    ctx.KONG_WAITING_TIME = ctx.KONG_HEADER_FILTER_START - ctx.KONG_ACCESS_ENDED_AT
  else
    ctx.KONG_RESPONSE_LATENCY = ctx.KONG_RESPONSE_LATENCY
      or ctx.KONG_HEADER_FILTER_START - ctx.KONG_PROCESSING_START
  end

  run(runtime_of(ctx).iterator:collected("header_filter", ctx), "header_filter", ctx)
  proxy.add_headers(ctx)
end


local function body_filter()
  local ctx = ngx.ctx
  ctx.KONG_PHASE = "body_filter"

  if ctx.response_body then
    ngx.arg[1] = ctx.response_body
    ngx.arg[2] = true
  end

  run(runtime_of(ctx).iterator:collected("body_filter", ctx), "body_filter", ctx)

  if ngx.arg[2] and ctx.KONG_PROXIED then
    ctx.KONG_RECEIVE_TIME = now_ms() - ctx.KONG_HEADER_FILTER_START
  end
end


local function log()
  local ctx = ngx.ctx
  ctx.KONG_PHASE = "log"
  run(runtime_of(ctx).iterator:collected("log", ctx), "log", ctx)
end


-- Answers for nginx's own errors: a request it could not read, an upstream that failed.
local function handle_error()
  stash.restore()

  local ctx = ngx.ctx
  ctx.KONG_PHASE = "error"
  ctx.KONG_UNEXPECTED = true
  ctx.response_body = nil
  ctx.delay_response = nil
  ctx.delayed_response = nil

  local headers = ngx.req.get_headers()
  local accept = headers["accept"] or headers["content-type"] or "text/plain"
  local status = ngx.status
  local content_type = error_body.type_for(accept)
  local body = error_body.render(content_type, error_body.message_for(status))

  return kong.response.exit(status == 494 and 400 or status, body, { ["Content-Type"] = content_type })
end


return {
  rewrite = rewrite,
  access = access,
  balancer = balancer,
  header_filter = header_filter,
  body_filter = body_filter,
  log = log,
  handle_error = handle_error,
}
