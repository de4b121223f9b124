-- Who is meant where an operator names somebody: an address, its network, a consumer, a credential, a
-- session.

local entities = require "kong.plugins.threat-agent.entities"
local library = require "kong.plugins.threat-agent.library"
local redact = require "kong.plugins.threat-agent.redact"
local region = require "kong.plugins.threat-agent.region"
local senders = require "kong.plugins.threat-agent.senders"


local kong = kong
local pcall = pcall
local tonumber = tonumber
local type = type


local EVERY_ADDRESS = { "0.0.0.0/0", "::/0" }

local LONGEST = 256
local USUAL_S = 600
local LONGEST_S = 2592000
local SESSION_DIGITS = 13


local _M = {
  EXPECTED = "expected an address, a network (/24 or /56), a consumer's id or name, or with `by` a credential's id"
             .. " or a session's hash",
}


local function is_address(text)
  return library.load() and region.is_within(text, EVERY_ADDRESS)
end


local function consumer_id(text)
  local consumers = kong.db.consumers
  local ok, consumer = pcall(function()
    return consumers:select({ id = text }) or consumers.select_by_username and consumers:select_by_username(text)
  end)

  return ok and consumer and consumer.id or nil
end


-- Finds the network that a text names, where the length that it gives is that of a network here.
local function network_in(text)
  local address, length = text:match("^([^/]+)/?(%d*)$")
  local network = address and is_address(address) and senders.network_of(address)
  if network and (length == "" or network:match("%d+$") == length) then
    return network
  end
end


-- For how long something is asked for, in seconds, and why; nil and what was expected.
local function terms(body)
  -- A form has texts only.
  local ttl_s = tonumber(body.ttl_s or USUAL_S)
  local reason = body.reason or "no reason given"
  if not ttl_s or ttl_s < 1 or ttl_s > LONGEST_S or ttl_s % 1 ~= 0 then
    return nil, "ttl_s: expected whole seconds, 1 to " .. LONGEST_S
  elseif type(reason) ~= "string" or #reason > LONGEST then
    return nil, "reason: expected at most " .. LONGEST .. " characters"
  end

  return ttl_s, redact.text(reason)
end


-- Finds who is meant. by: "network", "credential" or "session" where the text does not tell.
-- Returns the kind and the id; or nil.
function _M.find(text, by)
  if type(text) ~= "string" or text == "" or #text > LONGEST then
    return nil
  elseif by == "session" then
    if #text == SESSION_DIGITS and text:match("^%x+$") then
      return by, text
    end
  elseif by == "credential" then
    if text:match("^" .. entities.ID .. "$") then
      return by, text
    end
  elseif by == "network" or text:find("/", 1, true) then
    local network = network_in(text)
    if network then
      return "network", network
    end
  elseif is_address(text) then
    return "client_ip", text
  else
    local id = consumer_id(text)
    if id then
      return "consumer", id
    end
  end
end


-- Reads what a body asks for: { ban_by, client, ttl_s, reason }; nil and what was expected.
function _M.asked(body)
  local by, client = _M.find(body.client, body.by)
  if not by then
    return nil, "client: " .. _M.EXPECTED
  end

  local ttl_s, reason = terms(body)
  if not ttl_s then
    return nil, reason
  end

  return { ban_by = by, client = client, ttl_s = ttl_s, reason = reason }
end


return _M
