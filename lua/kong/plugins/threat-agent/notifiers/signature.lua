-- Signs bodies so that a receiver can tell who sent them, and when:
--
--   X-Threat-Agent-Signature: t=<seconds>,v1=<HMAC-SHA256 in hexadecimal of "<seconds>.<body>">

local region = require "kong.plugins.threat-agent.region"


local ngx = ngx
local byte = string.byte
local bxor = bit.bxor
local bor = bit.bor
local tonumber = tonumber


-- How far the clocks of sender and receiver may be apart. Units: seconds.
local MOST_SKEW_S = 300


local _M = { HEADER = "X-Threat-Agent-Signature", MOST_SKEW_S = MOST_SKEW_S }


-- Compares in a time that says nothing of where two texts differ.
local function same(a, b)
  if #a ~= #b then
    return false
  end

  local difference = 0
  for i = 1, #a do
    difference = bor(difference, bxor(byte(a, i), byte(b, i)))
  end

  return difference == 0
end


-- The header's value. Returns nil and an error where there is no library to sign with.
function _M.sign(secret, body, now_s)
  now_s = now_s or ngx.time()
  local digest, err = region.digest(secret, now_s .. "." .. body)
  return digest and "t=" .. now_s .. ",v1=" .. digest, err
end


-- Whether a header's value is right for a body, and recent; and if not, why.
function _M.is_right(value, secret, body, now_s)
  local at, digest = value:match("^t=(%d+),v1=(%x+)$")
  if not at then
    return false, "expected a signature such as t=<seconds>,v1=<hexadecimal>"
  elseif math.abs((now_s or ngx.time()) - tonumber(at)) > MOST_SKEW_S then
    return false, "signed more than " .. MOST_SKEW_S .. " s ago or ahead: are the clocks right?"
  end

  local wanted = region.digest(secret, at .. "." .. body)
  if not wanted or not same(wanted, digest) then
    return false, "not signed with the key"
  end

  return true
end


return _M
