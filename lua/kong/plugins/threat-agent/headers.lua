-- The headers of the request at hand as pointers, by the FFI that OpenResty's own
-- ngx.req.get_headers() uses: no limit of 100, HTTP/1 and HTTP/2 alike, and no Lua string is made.
-- (ngx.req.raw_header() makes one, knows HTTP/1 only, and crashes the worker after a request line
-- that was too long.)

local base = require "resty.core.base"
local ffi = require "ffi"


local C = ffi.C
local cast = ffi.cast
local get_request = base.get_request


-- More than nginx's buffers hold.
local MAX_HEADERS = 65536
local USUAL_HEADERS = 64


local _M = {}


-- Made by the first request: in the stream subsystem, where handlers are loaded too, the types that
-- resty.core.request declares do not exist.
local size = 0
local headers
local truncated = ffi.new("int[1]")


-- Returns a ta_header_t pointer, good until the next call, and how many there are.
function _M.read()
  local r = get_request()
  local count = C.ngx_http_lua_ffi_req_get_headers_count(r, MAX_HEADERS, truncated)
  if count > size or not headers then
    size = math.max(count, USUAL_HEADERS)
    headers = ffi.new("ngx_http_lua_ffi_table_elt_t[?]", size)
  end

  if count <= 0 or C.ngx_http_lua_ffi_req_get_headers(r, headers, count, 1) ~= 0 then
    count = 0
  end

  return cast("const ta_header_t *", headers), count
end


return _M
