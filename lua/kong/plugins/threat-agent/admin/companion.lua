-- Asks the companion: a node that holds the Admin API's credential and takes signed requests.

local cjson = require "cjson.safe"
local exchange = require "kong.plugins.threat-agent.exchange"
local random = require "kong.plugins.threat-agent.random"
local reach = require "kong.plugins.threat-agent.admin.reach"


local kong = kong
local ngx = ngx
local tostring = tostring
local type = type


local NONCE_BYTES = 16


local _M = {}


local function new_nonce()
  local bytes, err = random(NONCE_BYTES)
  if not bytes then
    return nil, err
  end

  return (bytes:gsub(".", function(byte)
    return ("%02x"):format(byte:byte())
  end))
end


-- The companion refuses, or somebody in between: after a change of the key, of a clock or of its
-- configuration another try may succeed. What it did not understand it will not.
local function refusal(response)
  local body = cjson.decode(response.body or "")
  local message = type(body) == "table" and type(body.message) == "string" and body.message
  return "the companion answered " .. response.status .. (message and ": " .. message or ""), response.status ~= 400
end


-- Asks a question. settings: `response.companion` of the configuration. Returns the answer; or nil, an error,
-- and whether another try may succeed.
function _M.ask(settings, question)
  if type(settings.url) ~= "string" then
    return nil, "the companion is to be asked: set response.companion.url and key as they were when it changed entities", true
  end

  question.node = kong.node.get_id()
  local body = cjson.encode(question)
  local nonce, err = new_nonce()
  if not nonce then
    return nil, err, true
  end

  local key = type(settings.key) == "string" and settings.key or ""
  local signed
  signed, err = exchange.sign_request(key, nonce, body)
  if not signed then
    return nil, "could not sign: " .. err, true
  end

  local origin = settings.url:gsub("/+$", "")
  local response, passes
  response, err, passes = reach.request(origin, exchange.PATH, {
    method = "POST",
    body = body,
    headers = { ["Content-Type"] = "application/json", [exchange.HEADER] = signed, [exchange.NONCE] = nonce },
    ssl_verify = settings.ssl_verify,
  }, settings.timeout_ms)
  if not response then
    return nil, "could not reach the companion at " .. settings.url .. ": " .. err, passes
  elseif response.status ~= 200 then
    return nil, refusal(response)
  end

  local answered = response.headers[exchange.HEADER]
  local ok, why = exchange.is_answer(tostring(answered or ngx.null), key, 200, nonce, response.body or "")
  local answer = ok and cjson.decode(response.body)
  if type(answer) ~= "table" then
    return nil, "what answered is not the companion: " .. (why or "no JSON"), true
  end

  return answer
end


return _M
