-- Carries ngx.ctx over an internal redirect, which would empty it.


local base = require "resty.core.base"
local ffi = require "ffi"
require "resty.core.ctx"


local registry = debug.getregistry()
local in_ssl_phase = ffi.new("int[1]")
local ssl_ctx_ref = ffi.new("int[1]")


-- Notes the request's context in $ctx_ref.
local function save()
  if ngx.var.ctx_ref ~= "" then
    return
  end

  local ref = ffi.C.ngx_http_lua_ffi_get_ctx_ref(base.get_request(), in_ssl_phase, ssl_ctx_ref)
  if ref ~= base.FFI_NO_REQ_CTX then
    ngx.var.ctx_ref = ref
  end
end


-- Makes the noted context the request's again.
local function restore()
  local ref = tonumber(ngx.var.ctx_ref)
  local ctx = ref and registry.ngx_lua_ctx_tables[ref]
  if ctx then
    ngx.ctx = ctx
    ngx.var.ctx_ref = ""
  end
end


return {
  save = save,
  restore = restore,
}
