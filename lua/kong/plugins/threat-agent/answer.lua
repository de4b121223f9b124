-- The text of an answer to an attack that was let through: read as it passes by, never held up.

local guard = require "kong.plugins.threat-agent.guard"
local native = require "kong.plugins.threat-agent.native"


local kong = kong
local ngx = ngx
local sub = string.sub


-- Errors and the contents of files stand at the start of an answer. Units: bytes.
local MOST_BYTES = 65536
-- What a text is carried on by, where it is cut by two buffers. Units: bytes.
local OVERLAP_BYTES = 256


local _M = {}


-- What is the upstream's, and not compressed.
local function is_readable()
  return ngx.header["Content-Encoding"] == nil and kong.response.get_source() == "service"
end


-- Reads the piece at hand in `body_filter`. verdict: that of `access`, which takes what was found; none for
-- a request that was not looked at.
function _M.read(verdict)
  if not verdict or verdict.attempt == 0 or verdict.enforced then
    return
  end

  local piece, read = ngx.arg[1], verdict.answer_bytes or 0
  if piece == "" or read >= MOST_BYTES or read == 0 and not is_readable() then
    return
  end

  verdict.answer_bytes = read + #piece
  local text = (verdict.answer_end or "") .. sub(piece, 1, MOST_BYTES - read)
  verdict.answer_end = sub(text, -OVERLAP_BYTES)
  verdict.attempt = guard.call(native.read_answer, verdict.attempt, text) or verdict.attempt
end


return _M
