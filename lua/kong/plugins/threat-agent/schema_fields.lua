-- Kinds of fields that several parts of the schema have.

local _M = {}


-- A whole number from `least` to `most`, and what it is when not given.
function _M.whole(description, least, most, default)
  return { description = description, type = "integer", between = { least, most }, required = true, default = default }
end


-- A secret, which may lie in a vault.
function _M.secret(description)
  return { description = description, type = "string", len_min = 1, len_max = 8192, referenceable = true, encrypted = true }
end


return _M
