-- What nginx holds of the request at hand, as pointers: by the FFI that OpenResty's own ngx.var and
-- ngx.req.get_headers() use, without a Lua string for any of it. Headers come without the limit of
-- 100, HTTP/1 and HTTP/2 alike. (ngx.req.raw_header() knows HTTP/1 only, and crashes the worker after
-- a request line that was too long.)
--
-- Pointers are good until something yields or changes the request.

local base = require "resty.core.base"
local ffi = require "ffi"


local C = ffi.C
local cast = ffi.cast
local ffi_string = ffi.string
local get_request = base.get_request
local tonumber = tonumber


-- More than nginx's buffers hold.
local MAX_HEADERS = 65536
local USUAL_HEADERS = 64


local _M = {}


-- Made by the first request: in the stream subsystem, where handlers are loaded too, the types that
-- resty.core.request declares do not exist.
local size = 0
local headers, list
local truncated = ffi.new("int[1]")

-- Room for a variable's name in lower case, and for what nginx answers.
local lower_name = ffi.new("char[64]")
local value, length, err = ffi.new("unsigned char *[1]"), ffi.new("size_t[1]"), ffi.new("char *[1]")


-- Looks a variable of nginx up. Returns whether there is one; then it lies in `value` and `length`.
local function find(r, name)
  return C.ngx_http_lua_ffi_var_get(r, name, #name, lower_name, 0, value, length, err) == 0
end


-- Points a ta_str_t at a variable.
local function point(into, r, name)
  if find(r, name) then
    into.ptr, into.len = value[0], length[0]
  else
    into.len = 0
  end
end


-- Returns a ta_header_t pointer, good until the next call, and how many there are.
local function read_headers(r)
  local count = C.ngx_http_lua_ffi_req_get_headers_count(r, MAX_HEADERS, truncated)
  if count > size or not headers then
    size = math.max(count, USUAL_HEADERS)
    headers = ffi.new("ngx_http_lua_ffi_table_elt_t[?]", size)
    list = cast("const ta_header_t *", headers)
  end

  if count <= 0 or C.ngx_http_lua_ffi_req_get_headers(r, headers, count, 1) ~= 0 then
    count = 0
  end

  return list, count
end


-- Fills in the head of a ta_request_t, but for its method.
function _M.read_head(into)
  local r = get_request()
  point(into.target, r, "request_uri")
  point(into.scheme, r, "scheme")
  point(into.host, r, "host")
  into.headers, into.headers_len = read_headers(r)
end


-- Points a ta_str_t at the address of the client, forwarded where Kong trusts who forwards it.
function _M.read_client_ip(into)
  point(into, get_request(), "remote_addr")
end


-- Tells whether there is a variable of that name.
function _M.has(name)
  return find(get_request(), name)
end


-- Returns the number that a variable holds; nil where there is none.
function _M.number(name)
  if find(get_request(), name) then
    return tonumber(ffi_string(value[0], length[0]))
  end
end


-- Points a ta_str_t at the target: path and query.
function _M.read_target(into)
  point(into, get_request(), "request_uri")
end


-- Returns a pointer to the body that was read, and its length; nil where it does not lie in memory.
function _M.body()
  if find(get_request(), "request_body") then
    return value[0], tonumber(length[0])
  end
end


return _M
