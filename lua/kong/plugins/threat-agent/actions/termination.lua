-- Turns a request-termination that stands into one that refuses everything.

local entities = require "kong.plugins.threat-agent.entities"


local ngx = ngx
local type = type


-- Gives the fields of its config to set, and what stands there. Returns nil where all is refused already.
-- Kong takes a message or a body, and one with a trigger answers requests with that header only.
return function(standing, is_enabled, status_code, message)
  if is_enabled and type(standing.trigger) ~= "string" then
    return nil
  end

  local set = {
    status_code = status_code,
    message = message or ngx.null,
    body = ngx.null,
    content_type = ngx.null,
    trigger = ngx.null,
  }

  return set, entities.before(standing, set)
end
