-- The field types that plugins take from Kong's `kong.db.schema.typedefs`; only those in use here.


local null = ngx.null


local PROTOCOLS = { "grpc", "grpcs", "http", "https" }


local function is_ipv4(text)
  local a, b, c, d = text:match("^(%d%d?%d?)%.(%d%d?%d?)%.(%d%d?%d?)%.(%d%d?%d?)$")
  if not a then
    return false
  end

  return tonumber(a) < 256 and tonumber(b) < 256 and tonumber(c) < 256 and tonumber(d) < 256
end


local function is_ipv6(text)
  local head, tail = text:match("^(.*)::(.*)$")
  local groups = 0
  for _, part in ipairs({ head or text, tail or "" }) do
    for group in part:gmatch("[^:]+") do
      if not group:match("^%x%x?%x?%x?$") then
        return false
      end
      groups = groups + 1
    end
  end

  if text:find(":::", 1, true) or (text:match("^:[^:]") or text:match("[^:]:$")) then
    return false
  end

  return head and groups < 8 or (not head and groups == 8)
end


local function is_ip_or_cidr(text)
  local address, bits = text:match("^(.-)/(%d+)$")
  address = address or text
  if is_ipv4(address) then
    return not bits or tonumber(bits) <= 32
  end

  return is_ipv6(address) and (not bits or tonumber(bits) <= 128)
end


local function validate_ip(text)
  if is_ipv4(text) or is_ipv6(text) then
    return true
  end

  return nil, "not an ip address: " .. text
end


local function validate_ip_or_cidr(text)
  if is_ip_or_cidr(text) then
    return true
  end

  return nil, "invalid ip or cidr range: '" .. text .. "'"
end


local function validate_url(url)
  local scheme, host = url:match("^(%a[%w+.-]*)://([^/?#]+)")
  if not scheme then
    return nil, url:match("^%a[%w+.-]*:") and "missing host in url" or "missing scheme in url"
  end

  return host and true
end


local function validate_header_name(name)
  if name:match("^[%w_%-]+$") then
    return true
  end

  return nil, "bad header name '" .. name .. "', allowed characters are A-Z, a-z, 0-9, '_', and '-'"
end


local function validate_utf8_name(name)
  if name:match("^[%w%.%-%_~\128-\244]+$") then
    return true
  end

  return nil, "invalid value '" .. name
    .. "': the only accepted ascii characters are alphanumerics or ., -, _, and ~"
end


local function validate_tag(tag)
  if tag:match("^[ \033-\043\045\046\048-\126\128-\244]+$") then
    return true
  end

  return nil, "invalid tag '" .. tag
    .. "': expected printable ascii (except `,` and `/`) or valid utf-8 sequences"
end


-- Allows a typedef to be called with overrides, as Kong's can.
local function define(field)
  return setmetatable(field, {
    __call = function(base, overrides)
      local copy = {}
      for key, value in pairs(base) do
        copy[key] = value
      end
      for key, value in pairs(overrides) do
        copy[key] = value
      end
      return define(copy)
    end,
  })
end


local function no_foreign(reference)
  return define({ type = "foreign", reference = reference, eq = null })
end


local typedefs = {
  http_method = define({ type = "string", match = "^%u+$" }),
  host = define({ type = "string" }),
  ip = define({ type = "string", custom_validator = validate_ip }),
  ip_or_cidr = define({ type = "string", custom_validator = validate_ip_or_cidr }),
  port = define({ type = "integer", between = { 0, 65535 } }),
  path = define({ type = "string", starts_with = "/",
                  match_none = { { pattern = "//", err = "must not have empty segments" } } }),
  url = define({ type = "string", custom_validator = validate_url }),
  header_name = define({ type = "string", custom_validator = validate_header_name }),
  timeout = define({ type = "integer", between = { 0, 2147483646 } }),
  uuid = define({ type = "string", uuid = true, auto = true }),
  auto_timestamp_s = define({ type = "integer", timestamp = true, auto = true }),
  utf8_name = define({ type = "string", custom_validator = validate_utf8_name }),
  no_route = no_foreign("routes"),
  no_service = no_foreign("services"),
  no_consumer = no_foreign("consumers"),
  protocols = define({ type = "set", required = true, default = PROTOCOLS,
                       elements = { type = "string", one_of = PROTOCOLS } }),
  protocols_http = define({ type = "set", required = true, default = PROTOCOLS,
                            elements = { type = "string", one_of = PROTOCOLS } }),
}

typedefs.tag = define({ type = "string", required = true, custom_validator = validate_tag })
typedefs.tags = define({ type = "set", elements = typedefs.tag })


return typedefs
