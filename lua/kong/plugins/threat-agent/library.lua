-- Loads the native library, and has what its callers share. Nothing raises, also when the library is
-- missing or of another version.

local ffi = require "ffi"
local cdef = require "kong.plugins.threat-agent.cdef"


local pcall = pcall
local ipairs = ipairs
local ffi_string = ffi.string
local math_ceil = math.ceil
local tonumber = tonumber
local tostring = tostring


local _M = {
  VERSION = cdef.version,
  C = nil,          -- the library, once loaded

  -- Its statuses; negative ones are errors.
  PARTIAL = 2,
  BYPASS = 3,
  CLEAN = 4,
}


local TRUNCATED = 1
local TRIES = 5           -- a text that other workers write may grow between two calls


local load_error          -- why it is not, or may no longer be used
local allocators = {}     -- what makes the callers' scratch, once the types are known
local text_buffer, text_size, length


local function find_library()
  local path = package.searchpath("libthreat_agent", package.cpath)
  if path then
    return path
  end

  return nil, "libthreat_agent.so was not found: install the rock, or add the library's folder to "
              .. "lua_package_cpath (" .. package.cpath .. ")"
end


-- Calls an export that copies text out, with as much room as it needs.
-- Returns the text, or nil when the call failed.
function _M.text(call)
  for _ = 1, TRIES do
    local status = call(text_buffer, text_size, length)
    if status ~= TRUNCATED then
      return status >= 0 and ffi_string(text_buffer, length[0]) or nil
    end

    text_size = math_ceil(1.25 * tonumber(length[0]))
    text_buffer = ffi.new("uint8_t[?]", text_size)
  end
end


-- Points a ta_str_t at a Lua string, which must live on until the call.
local function set_str(into, text)
  into.ptr = text
  into.len = #text
end

_M.set_str = set_str


-- What the last call that failed says, with what it was to do.
function _M.error(doing)
  return "could not " .. doing .. ": " .. _M.text(_M.C.ta_last_error)
end


-- Fills a ta_identity_t.
function _M.fill_identity(into, from)
  set_str(into.client_ip, from.client_ip)
  set_str(into.workspace, from.workspace)
  set_str(into.route, from.route)
  set_str(into.service, from.service)
  set_str(into.consumer, from.consumer)
  -- Identities that the agent makes have none.
  set_str(into.credential, from.credential or "")
  -- Hexadecimal: more digits than JSON keeps of a number.
  into.session = from.session and tonumber(from.session, 16) or 0
end


local function load()
  local path, err = find_library()
  if not path then
    return nil, err
  end

  local ok, lib = pcall(ffi.load, path)
  if not ok then
    return nil, "could not load " .. path .. ": " .. tostring(lib)
  end

  -- A cdef stays for the life of the VM: one that is there already is this module's own.
  if not pcall(ffi.typeof, "ta_verdict_t") then
    ffi.cdef(cdef.text)
  end

  local has_version = pcall(function() return lib.ta_version end)
  if not has_version then
    return nil, path .. " is not threat-agent's library: it lacks ta_version"
  end

  length = ffi.new("size_t[1]")
  text_size = 1024
  text_buffer = ffi.new("uint8_t[?]", text_size)
  local version = _M.text(lib.ta_version)
  local expected = cdef.version .. "+" .. cdef.abi
  if version ~= expected then
    return nil, path .. " is version " .. version .. ", the plugin is version " .. expected
                .. ": install both from one release, then `kong restart` (a reload keeps the old library)"
  end

  return lib
end


-- Loads the library, once. Returns true, or nil and what to do about it.
function _M.load()
  if _M.C then
    return true
  end

  if not load_error then
    local lib, err = load()
    if not lib then
      load_error = err
      return nil, err
    end

    _M.C = lib
    for _, allocate in ipairs(allocators) do
      allocate()
    end
    return true
  end

  return nil, load_error
end


-- Has a caller's scratch made as soon as there are types to make it of.
function _M.when_loaded(allocate)
  allocators[#allocators + 1] = allocate
  if _M.C then
    allocate()
  end
end


-- Gives the library up: whoever loads it is told why.
function _M.disable(err)
  load_error = err
  _M.C = nil
end


return _M
