-- The verdict on the request's root span, where Kong's tracing is on: in the field's words, and short,
-- because every exporter gets them.

local kong = kong
local ngx = ngx
local concat = table.concat


local PREFIX = "threat_agent."


local _M = {}


-- Kong finishes the root span before plugins log, so that it is active no more; it still takes attributes,
-- until exporters (opentelemetry: priority 14) read it after this plugin.
local function root()
  local spans = ngx.ctx.KONG_SPANS
  local tracing = kong.tracing
  return spans and spans[1] or tracing and tracing.active_span and tracing.active_span()
end


-- Writes a verdict in `log`. told: what log plugins are told of it.
function _M.write(told)
  local span = root()
  if not span or not span.set_attribute then
    return
  end

  span:set_attribute(PREFIX .. "mode", told.mode)
  span:set_attribute(PREFIX .. "verdict", told.verdict)
  if told.score then
    span:set_attribute(PREFIX .. "score", told.score)
  end
  if told.rules then
    span:set_attribute(PREFIX .. "enforced", told.enforced)
    span:set_attribute(PREFIX .. "category", told.category or "none")
    span:set_attribute(PREFIX .. "rules", concat(told.rules, ","))
    span:set_attribute(PREFIX .. "incident", told.incident)
  end
  if told.uninspected then
    span:set_attribute(PREFIX .. "uninspected", concat(told.uninspected, ","))
  end
end


return _M
