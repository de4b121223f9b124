-- The node's files under <prefix>/threat-agent/: written whole and renamed, so that a reader never
-- sees half of one.

local lfs = require "lfs"


local ngx = ngx
local pcall = pcall
local tostring = tostring


local _M = {
  BANS = "bans.snapshot",
  LEARNED = "learned.json",
  PROFILES = "profiles.json",
  ACTIONS = "actions.json",
  ANCHORED = "anchored.json",
  LEDGER = "ledger.jsonl",
  -- Names the file that the ledger's first line follows.
  LEDGER_BEFORE = "ledger.before",
  NOTIFIED = "notified.json",
  FEEDBACK = "feedback.json",
  FINDINGS = "findings.json",
  OPINIONS = "opinions.json",
  CHANGES = "changes.json",
  CONF = "settings.json",
  SNAPSHOT = "configuration.json",
  -- When what lost nodes left behind was being taken back.
  SWEEP = "sweep",
  KILL = "kill",
}


local PROBE = "probe"


-- The folder of the node's files.
function _M.folder()
  return ngx.config.prefix() .. "threat-agent"
end


local function path_of(name)
  return _M.folder() .. "/" .. name
end


-- Reads a file; nil when there is none.
function _M.load(name)
  local file = io.open(path_of(name), "rb")
  if not file then
    return nil
  end

  local text = file:read("*a")
  file:close()
  return text
end


-- Closes a file that was written to: a full disk is often told only then. Returns true, or nil and an
-- error.
local function finish(file, written, err)
  local closed, close_err = file:close()
  return written and closed or nil, err or close_err
end


-- Adds a line to a file. Returns true, or nil and an error.
function _M.append(name, line)
  local file, err = io.open(path_of(name), "ab")
  if not file then
    return nil, "could not write " .. err
  end

  return finish(file, file:write(line, "\n"))
end


-- Whether the folder can be written to, as an action has to be before it is taken. Returns true, or nil and an
-- error.
function _M.can_write()
  local file, err = io.open(path_of(PROBE), "ab")
  if not file then
    return nil, "could not write " .. err .. "; make the folder writable for the workers' user"
  end

  file:close()
  os.remove(path_of(PROBE))
  return true
end


-- The last bytes of a file; nil when there is none.
function _M.tail(name, bytes)
  local file = io.open(path_of(name), "rb")
  if not file then
    return nil
  end

  local size = file:seek("end")
  file:seek("set", math.max(0, size - bytes))
  local text = file:read("*a")
  file:close()
  return text, size
end


local function names_like(pattern)
  local names = {}
  for name in lfs.dir(_M.folder()) do
    if name:match(pattern) then
      names[#names + 1] = name
    end
  end

  table.sort(names)
  return names
end


-- Lists the files whose names match a pattern, in the order of their names. Returns nil and an error where the folder cannot
-- be read.
function _M.list(pattern)
  local ok, names = pcall(names_like, pattern)
  if not ok then
    return nil, "could not read the node's folder: " .. tostring(names)
  end

  return names
end


-- Removes a file, if it is there.
function _M.remove(name)
  return os.remove(path_of(name))
end


-- Gives a file another name.
function _M.rename(name, new)
  return os.rename(path_of(name), path_of(new))
end


-- Writes a file. Returns true, or nil and an error.
function _M.save(name, text)
  local path = path_of(name)
  local temporary = path .. ".new"
  local file, err = io.open(temporary, "wb")
  if not file then
    return nil, "could not write " .. err .. "; make the folder writable for the workers' user"
  end

  local ok
  ok, err = finish(file, file:write(text))
  if ok then
    ok, err = os.rename(temporary, path)
  end
  if not ok then
    return nil, "could not write " .. path .. ": " .. err
  end

  return true
end


return _M
