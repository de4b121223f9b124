-- UUIDs: random ones, and ones that depend on a name only, so that a declarative
-- entity without an id keeps the same id over reloads.


local fmt = string.format
local random = math.random


local NAMESPACE = "threat-agent-embedded-gateway:"
local PATTERN = "^%x%x%x%x%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$"


local function shape(hex, version)
  local variant = fmt("%x", 8 + tonumber(hex:sub(17, 17), 16) % 4)
  return fmt("%s-%s-%s%s-%s%s-%s", hex:sub(1, 8), hex:sub(9, 12), version, hex:sub(14, 16),
             variant, hex:sub(18, 20), hex:sub(21, 32))
end


local function from_name(name)
  return shape(ngx.md5(NAMESPACE .. name), "5")
end


local function random_uuid()
  local file = io.open("/dev/urandom", "rb")
  local seed = file and file:read(16) or tostring(random())
  if file then
    file:close()
  end

  return shape(ngx.md5(seed), "4")
end


local function is_valid(text)
  return type(text) == "string" and text:match(PATTERN) ~= nil
end


return {
  random = random_uuid,
  from_name = from_name,
  is_valid = is_valid,
}
