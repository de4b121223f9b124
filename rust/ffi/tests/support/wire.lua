-- Stands in for the plugin's wire.lua outside nginx: the target, scheme and host of a request are those of
-- the table that is handed to native.lua, its headers the pairs of the global `headers`.

local ffi = require "ffi"


local kept, kept_of


local function read_headers()
  if kept_of ~= headers then
    kept_of = headers
    kept = ffi.new("ta_header_t[?]", #headers)
    for n, pair in ipairs(headers) do
      local header = kept[n - 1]
      header.name, header.name_len = pair[1], #pair[1]
      header.value, header.value_len = pair[2], #pair[2]
    end
  end

  return ffi.cast("const ta_header_t *", kept), #headers
end


local function point(into, text)
  into.ptr, into.len = text, #text
end


package.preload["kong.plugins.threat-agent.wire"] = function()
  return {
    read_head = function(into, from)
      point(into.target, from.target)
      point(into.scheme, from.scheme)
      point(into.host, from.host)
      into.headers, into.headers_len = read_headers()
    end,
    read_target = function(into, from)
      point(into, from.target)
    end,
  }
end
