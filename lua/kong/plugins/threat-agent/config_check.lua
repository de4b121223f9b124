-- Asks the engine what a schema cannot say: patterns, networks, expressions, ids given twice.
-- Where the library cannot be loaded (control planes, the CLI) the schema's own checks stand alone.

local _M = {}


local function engine()
  local ok, native = pcall(require, "kong.plugins.threat-agent.native")
  if ok and native.load() then
    return native
  end
end


-- Custom validator of a whole config.
function _M.config(config)
  local native = engine()
  if not native then
    return true
  end

  return native.check(config)
end


-- Custom validator of an address or network: the form only, so that it holds without a library.
function _M.cidr(text)
  local address, length = text:match("^([%x:%.]+)/?(%d*)$")
  local is_v6 = address and address:find(":", 1, true) ~= nil
  if not address or (not is_v6 and not address:match("^%d+%.%d+%.%d+%.%d+$"))
     or (tonumber(length) or 0) > (is_v6 and 128 or 32)
  then
    return nil, "expected an IP address or a network in CIDR notation"
  end

  return true
end


return _M
