-- The certificate by which this node shows an Admin API who it is.

local pcall = pcall
local require = require
local tostring = tostring


local _M = {}


local known = {}     -- the last: { certificate, key, parsed, parsed_key }


-- Reads a certificate and its key from their PEM. Returns both as lua-resty-http takes them; nil and an error.
function _M.of(certificate, key)
  if known.certificate == certificate and known.key == key then
    return known.parsed, known.parsed_key
  end

  local ok, ssl = pcall(require, "ngx.ssl")
  if not ok then
    return nil, "this gateway has no ngx.ssl"
  end

  local parsed, err = ssl.parse_pem_cert(certificate)
  if not parsed then
    return nil, "client_certificate: " .. tostring(err)
  end

  local parsed_key
  parsed_key, err = ssl.parse_pem_priv_key(key or "")
  if not parsed_key then
    return nil, "client_key: " .. tostring(err)
  end

  known = { certificate = certificate, key = key, parsed = parsed, parsed_key = parsed_key }
  return parsed, parsed_key
end


return _M
