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


local is_torn = false     -- whether a line may have been written in part


-- Cuts off what a crash or a full disk left of a line that was being written: what follows it would not be read. Returns
-- true, or nil and an error.
local function cut_off(rest)
  local text = files.load(files.LEDGER)
  local ok, err = files.save(files.LEDGER, text:sub(1, #text - #rest))
  if ok then
    kong.log.warn("the ledger ended within a line: ", #rest, " bytes were cut off")
  end

  is_torn = not ok
  return ok, err
end


-- Gives the hash that the next line is to follow.
function _M.last()
  local hash, rest = last_line(files.LEDGER)
  if rest ~= "" then
    local ok, err = cut_off(rest)
    if not ok then
      kong.log.warn("the ledger ends within a line, which has to be cut off first: ", err)
    end
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


-- Mends what was written in part. Returns true, or nil and an error.
local function mend()
  local _, rest = last_line(files.LEDGER)
  if rest ~= "" then
    return cut_off(rest)
  end

  is_torn = false
  return true
end


-- Writes a line. Returns true, or nil and an error.
function _M.add(line)
  local ok, err = true, nil
  if is_torn then
    ok, err = mend()
  end
  if ok then
    make_room()
    ok, err = files.append(files.LEDGER, line)
    is_torn = not ok
  end

  return ok, err
end


return _M
