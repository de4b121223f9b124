-- The bodies of errors that the gateway itself answers with, in the type the client asked for.


local MESSAGES = {
  [400] = "Bad request",
  [401] = "Unauthorized",
  [402] = "Payment required",
  [403] = "Forbidden",
  [404] = "Not found",
  [405] = "Method not allowed",
  [408] = "Request timeout",
  [409] = "Conflict",
  [411] = "Length required",
  [412] = "Precondition failed",
  [413] = "Payload too large",
  [414] = "URI too long",
  [415] = "Unsupported media type",
  [417] = "Expectation failed",
  [429] = "Too many requests",
  [494] = "Request header or cookie too large",
  [500] = "An unexpected error occurred",
  [502] = "An invalid response was received from the upstream server",
  [503] = "The upstream server is currently unavailable",
  [504] = "The upstream server is timing out",
}

local JSON = "application/json; charset=utf-8"
local HTML = "text/html; charset=utf-8"
local PLAIN = "text/plain; charset=utf-8"
local XML = "application/xml; charset=utf-8"

local TYPES = {
  ["application/json"] = JSON,
  ["application/*"] = JSON,
  ["*/*"] = JSON,
  ["text/html"] = HTML,
  ["text/plain"] = PLAIN,
  ["text/*"] = PLAIN,
  ["application/xml"] = XML,
}

local TEMPLATES = {
  [JSON] = '{\n  "message":"%s",\n  "request_id":"%s"\n}',
  [HTML] = [[
<!doctype html>
<html>
  <head>
    <meta charset="utf-8">
    <title>Error</title>
  </head>
  <body>
    <h1>Error</h1>
    <p>%s.</p>
    <p>request_id: %s</p>
  </body>
</html>
]],
  [PLAIN] = "%s\nrequest_id: %s\n",
  [XML] = [[
<?xml version="1.0" encoding="UTF-8"?>
<error>
  <message>%s</message>
  <requestid>%s</requestid>
</error>
]],
}


-- The content type that an Accept header prefers, JSON when in doubt.
local function type_for(accept)
  if type(accept) == "table" then
    accept = table.concat(accept, ",")
  end

  local best, best_quality = JSON, 0
  for part in (accept or ""):gmatch("[^,]+") do
    local media_type = part:match("^%s*([^;%s]+)")
    local quality = tonumber(part:match(";%s*q%s*=%s*([%d.]+)")) or 1
    if media_type and quality > best_quality then
      best_quality = quality
      best = TYPES[media_type:lower()] or JSON
    end
  end

  return best
end


local function render(content_type, message)
  local template = TEMPLATES[content_type] or TEMPLATES[TYPES[content_type]] or TEMPLATES[JSON]
  return template:format(message, ngx.var.kong_request_id or "")
end


local function message_for(status)
  return MESSAGES[status] or ("The upstream server responded with %d"):format(status)
end


return {
  type_for = type_for,
  render = render,
  message_for = message_for,
}
