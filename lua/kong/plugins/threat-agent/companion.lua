-- The receiving end of a companion: a node with an Admin API that takes signed requests of data planes
-- which have none, so that those hold no credential of the control plane.
--
-- Here it is only seen who asks. What is asked for is judged and done by the node's leader
-- (agent/delegated.lua), by this node's own configuration: whoever asks may have been taken over.

local cjson = require "cjson.safe"
local commands = require "kong.plugins.threat-agent.commands"
local exchange = require "kong.plugins.threat-agent.exchange"
local raw_body = require "kong.plugins.threat-agent.raw_body"
local settings = require "kong.plugins.threat-agent.settings"


local kong = kong
local ngx = ngx
local type = type


-- Some wait at once in memory that Kong uses, too; one with as many clients as are taken has a third of it.
local MAX_BYTES = 64 * 1024
-- Requests in a minute. Nonces lie in memory that Kong uses, too.
local MOST_PER_MINUTE = 600

local NONCES = "threat-agent:nonce:"
local SINCE = "threat-agent:nonces_since"
local COUNT = "threat-agent:companion_requests"

local SIGNATURE_VARIABLE = "http_" .. exchange.HEADER:lower():gsub("%-", "_")
local NONCE_VARIABLE = "http_" .. exchange.NONCE:lower():gsub("%-", "_")


local _M = {}


-- Whether a request is new. Returns true; or nil, a status, and what is wrong.
local function is_new(nonce, value)
  local dict = ngx.shared.kong
  -- A reload forgets the nonces: what was signed before them may have been here.
  local now = ngx.time()
  dict:safe_add(SINCE, now)
  local since_s = dict:get(SINCE) or 0
  if since_s - now > exchange.WINDOW_S then
    -- The clock was set back, and so far that nothing from before is taken for recent.
    dict:set(SINCE, now)
    since_s = now
  end

  local at = tonumber(value:match("^t=(%d+)"))
  if at < since_s then
    return nil, 401, "signed before this node was started: sign it anew"
  end

  -- Whatever the clocks say, it is known for as long as its time is right.
  local ok, err = dict:safe_add(NONCES .. nonce, true, 2 * exchange.WINDOW_S)
  if ok then
    return true
  elseif err == "exists" then
    return nil, 401, "the nonce was used already"
  end

  return nil, 503, "no memory for nonces: " .. err
end


-- Sees who asks. Returns the question and its nonce; or nil, a status, and what is wrong.
local function authenticated(key)
  local value, nonce = ngx.var[SIGNATURE_VARIABLE], ngx.var[NONCE_VARIABLE]
  if not value or not nonce or not nonce:match("^[%w%-]+$") or #nonce < 16 or #nonce > 64 then
    return nil, 401, "expected the headers " .. exchange.HEADER .. " and " .. exchange.NONCE
  end

  local body = raw_body.read(MAX_BYTES)
  if not body then
    return nil, 413, "expected a body of " .. MAX_BYTES .. " bytes at most, with its length"
  end

  local ok, why = exchange.is_request(value, key, nonce, body)
  if not ok then
    return nil, 401, why
  end

  local number = ngx.shared.kong:incr(COUNT, 1, 0, 60)
  if number and number > MOST_PER_MINUTE then
    return nil, 429, "more than " .. MOST_PER_MINUTE .. " requests in a minute"
  end

  local status
  ok, status, why = is_new(nonce, value)
  if not ok then
    return nil, status, why
  end

  local question = cjson.decode(body)
  if type(question) ~= "table" then
    return nil, 400, "expected a JSON object"
  end

  return question, nonce
end


local function respond()
  local conf = settings.look_up()
  local key = conf and settings.is_companion(conf) and conf.response.companion.key
  if type(key) ~= "string" or key == "" then
    return kong.response.exit(404, { message = "this node is no companion: response.companion.accepts is empty there, "
                                               .. "or response.companion.key" })
  end

  local question, nonce, why = authenticated(key)
  if not question then
    kong.log.warn("refused a request to the companion from ", kong.client.get_ip(), ": ", why)
    return kong.response.exit(nonce, { message = why })
  end

  local answer, err = commands.ask(question, nonce)
  local status = answer and 200 or 503
  local body = cjson.encode(answer or { message = err })
  return kong.response.exit(status, body, {
    ["Content-Type"] = "application/json",
    [exchange.HEADER] = exchange.sign_answer(key, status, nonce, body),
  })
end


_M.ROUTES = { [exchange.PATH] = { POST = respond } }


return _M
