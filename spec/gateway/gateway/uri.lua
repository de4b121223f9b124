-- Paths as Kong's router sees and sends them.


local byte, char, find, sub, upper = string.byte, string.char, string.find, string.sub, string.upper
local concat = table.concat
local re_gsub = ngx.re.gsub


local RESERVED = "!*'();:@&=+$,/?%#[]"
local UNSAFE = "[^!#$&'()*+,/:;=?@[\\]A-Z\\d\\-_.~%]"


local function decode_triplet(match)
  local decoded = char(tonumber(match[1], 16))
  if find(RESERVED, decoded, 1, true) then
    return upper(match[0])
  end

  return decoded
end


local function encode_byte(match)
  return ("%%%02X"):format(byte(match[0]))
end


-- Percent-encodes what may not stand in a request line as it is.
local function escape(path)
  return (re_gsub(path, UNSAFE, encode_byte, "joi"))
end


-- Decodes what needs no encoding, merges slashes, resolves "." and "..".
local function normalize(path)
  if find(path, "%", 1, true) then
    path = re_gsub(path, "%([\\dA-F]{2})", decode_triplet, "joi")
  end

  if not find(path, ".", 1, true) and not find(path, "//", 1, true) then
    return path
  end

  local segments = {}
  local ends_in_slash = false
  for segment in path:gmatch("/([^/]*)") do
    ends_in_slash = segment == "" or segment == "." or segment == ".."
    if segment == ".." then
      segments[#segments] = nil
    elseif segment ~= "." and segment ~= "" then
      segments[#segments + 1] = segment
    end
  end

  local normal = "/" .. concat(segments, "/")
  return ends_in_slash and normal ~= "/" and normal .. "/" or normal
end


-- Joins a service's path and what is left of the request's (Kong's path handling v0).
local function join(base, rest, request_path, strip)
  local base_slash = sub(base, -1) == "/"
  if not strip then
    if base_slash then
      return base .. sub(request_path, 2)
    end
    return request_path == "/" and base or base .. request_path
  end

  if rest == "" then
    if base == "/" then
      return "/"
    end

    local bare = base_slash and sub(base, 1, -2) or base
    return #request_path > 1 and sub(request_path, -1) == "/" and bare .. "/" or bare
  end

  local bare = base_slash and sub(base, 1, -2) or base
  return bare .. (sub(rest, 1, 1) == "/" and "" or "/") .. rest
end


return {
  escape = escape,
  normalize = normalize,
  join = join,
}
