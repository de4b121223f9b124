-- Masks what must not leave the node in texts: credentials, tokens, card and account numbers.
--
-- Texts of incidents name places and counts and never quote a request; this is the second line.

local ngx = ngx
local ipairs = ipairs
local pairs = pairs
local tonumber = tonumber
local type = type


local MASK = "[redacted]"

-- What stands behind these names is masked, in any case: name=value, name: value, "name":"value".
local NAMES = {
  "access_token", "api_key", "apikey", "api-key", "auth", "authorization", "card", "client_secret", "cookie",
  "credential", "cvv", "iban", "id_token", "jwt", "key", "passwd", "password", "pin", "private_key", "pwd",
  "refresh_token", "secret", "session", "sessionid", "set-cookie", "signature", "sid", "ssn", "token",
}

-- Settings whose names hold one of these are secrets in whole.
local SETTINGS = { "secret", "password", "passphrase", "token", "key", "credential", "cert", "authorization" }

local CARD_DIGITS_LEAST, CARD_DIGITS_MOST = 13, 19


local _M = { MASK = MASK }


local masked = {}
for _, name in ipairs(NAMES) do
  masked[name] = true
end


-- Whether the name of a setting says that it is a secret.
function _M.is_secret(name)
  for _, word in ipairs(SETTINGS) do
    if type(name) == "string" and name:lower():find(word, 1, true) then
      return true
    end
  end

  return false
end


-- The check digit that card numbers end in. Source: ISO/IEC 7812-1, annex B.
local function has_check_digit(digits)
  local sum, double = 0, false
  for i = #digits, 1, -1 do
    local digit = tonumber(digits:sub(i, i)) * (double and 2 or 1)
    sum = sum + (digit > 9 and digit - 9 or digit)
    double = not double
  end

  return sum % 10 == 0
end


local function mask_number(text)
  local digits = text:gsub("%D", "")
  if #digits >= CARD_DIGITS_LEAST and #digits <= CARD_DIGITS_MOST and has_check_digit(digits) then
    return MASK
  end
end


-- A route may have the name of a secret: "on route token: 3 clients failed …".
local BEFORE = "route "

local function masks_value(text, extra)
  return function(at, name, separator, value)
    local lower = name:lower()
    if (masked[lower] or extra[lower]) and text:sub(at - #BEFORE, at - 1) ~= BEFORE then
      return name .. separator .. (value:sub(-1) == '"' and #value > 1 and MASK .. '"' or MASK)
    end
  end
end


local function lower_set(names)
  local set = {}
  for _, name in ipairs(names or {}) do
    set[name:lower()] = true
  end

  return set
end


-- Masks a text. names: further names of secrets, or nil.
function _M.text(text, names)
  text = text:gsub("[Bb]earer%s+[%w%-%._~%+/=]+", "Bearer " .. MASK)
             :gsub("[Bb]asic%s+[%w%+/=]+", "Basic " .. MASK)
             :gsub("eyJ[%w%-_]+%.[%w%-_]*%.?[%w%-_]*", MASK)
             -- A URL's user and password.
             :gsub('(%w://)[^/?#%s@"]+@', "%1" .. MASK .. "@")
  text = text:gsub('()([%w%-_]+)("?%s*[=:]%s*"?)([^%s&;,"]+"?)', masks_value(text, lower_set(names)))
             :gsub("%f[%w]%u%u%d%d%u*[%d%u]+%f[%W]", function(word)
               return #word >= 15 and #word <= 34 and word:find("%d%d%d%d") and MASK or nil
             end)
             -- No digits within a hash.
             :gsub("%f[%w]%d[%d %-]+%d%f[%W]", mask_number)
  return text
end


-- A copy of a value with all texts in it masked, and without nulls.
local function copy(value, names)
  if type(value) == "string" then
    return _M.text(value, names)
  elseif type(value) ~= "table" then
    return value
  end

  local masked_copy = setmetatable({}, getmetatable(value))
  for key, item in pairs(value) do
    if item ~= ngx.null then
      masked_copy[key] = copy(item, names)
    end
  end

  return masked_copy
end

_M.copy = copy


return _M
