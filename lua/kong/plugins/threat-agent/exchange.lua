-- What a data plane and its companion sign with the key that both hold: method, path, nonce and body
-- of a request, status, nonce and body of its answer, each with its time. Neither can be made up, changed or
-- sent again.

local signature = require "kong.plugins.threat-agent.notifiers.signature"


local _M = {
  PATH = "/threat-agent/companion",
  NONCE = "X-Threat-Agent-Nonce",
  HEADER = signature.HEADER,
  WINDOW_S = signature.MOST_SKEW_S,
}


local function of_request(nonce, body)
  return "POST\n" .. _M.PATH .. "\n" .. nonce .. "\n" .. body
end


local function of_answer(status, nonce, body)
  return status .. "\n" .. nonce .. "\n" .. body
end


-- The header's value for a request. Returns nil and an error where there is nothing to sign with.
function _M.sign_request(key, nonce, body)
  return signature.sign(key, of_request(nonce, body))
end


-- Returns whether a request's signature is right and recent; and if not, why.
function _M.is_request(value, key, nonce, body)
  return signature.is_right(value, key, of_request(nonce, body))
end


function _M.sign_answer(key, status, nonce, body)
  return signature.sign(key, of_answer(status, nonce, body))
end


function _M.is_answer(value, key, status, nonce, body)
  return signature.is_right(value, key, of_answer(status, nonce, body))
end


return _M
