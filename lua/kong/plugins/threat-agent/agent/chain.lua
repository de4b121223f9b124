-- The file of the ledger's chain: where it stands, found again by each new leader, whatever a crash has left
-- behind the last whole line; and its going on in a new file where the old one has grown large.

local files = require "kong.plugins.threat-agent.files"


local kong = kong
local ngx = ngx
local ipairs = ipairs


-- A ledger of this size is put aside, and the next one follows its last line.
local MAX_BYTES = 16 * 1024 * 1024
-- So many bytes of its end are looked at, and all of it where those hold no line.
local LOOKS = { 65536, 2 * MAX_BYTES }


local _M = {
  -- What the first line names as the hash before it.
  GENESIS = ("0"):rep(64),
}


-- Finds the hash of a file's last whole line, and what stands behind that. Returns nil for the hash where there is
-- no line.
local function last_line(name)
  local hash, rest
  for _, bytes in ipairs(LOOKS) do
    local tail = files.tail(name, bytes)
    local text = "\n" .. (tail or "")
    hash, rest = nil, text:sub(2)
    for found, ends in text:gmatch('\n{"hash":"(%x+)"[^\n]*}()%f[\n]') do
      hash, rest = found, text:sub(ends + 1)
    end
    if hash then
      break
    end
  end

  return hash, rest
end


-- Cuts off what a crash left of a line that was being written: what follows it would not be read.
local function cut_off(rest)
  local text = files.load(files.LEDGER)
  local ok, err = files.save(files.LEDGER, text:sub(1, #text - #rest))
  kong.log.warn("the ledger ended within a line, as after a crash: ",
                ok and #rest .. " bytes were cut off" or "what follows cannot be verified: " .. err)
end


-- Gives the hash that the next line is to follow.
function _M.last()
  local hash, rest = last_line(files.LEDGER)
  if rest ~= "" then
    cut_off(rest)
  end

  -- Put aside, and nothing written since.
  local archived = not hash and files.load(files.LEDGER_BEFORE)
  return hash or archived and last_line(archived) or _M.GENESIS
end


-- Puts a large file aside.
local function make_room()
  local _, size = files.tail(files.LEDGER, 0)
  if not size or size <= MAX_BYTES then
    return
  end

  local name = "ledger-" .. ngx.time() .. ".jsonl"
  local ok, err = files.save(files.LEDGER_BEFORE, name)
  if ok then
    ok, err = files.rename(files.LEDGER, name)
  end
  if not ok then
    kong.log.err("could not put the ledger aside: ", err)
  end
end


-- Writes a line. Returns true, or nil and an error.
function _M.add(line)
  make_room()
  return files.append(files.LEDGER, line)
end


return _M
