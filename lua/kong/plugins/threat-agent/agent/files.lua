-- The node's files under <prefix>/threat-agent/: written whole and renamed, so that a reader never
-- sees half of one.

local ngx = ngx


local _M = {
  BANS = "bans.snapshot",
  LEARNED = "learned.json",
}


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


-- Writes a file. Returns true, or nil and an error.
function _M.save(name, text)
  local path = path_of(name)
  local temporary = path .. ".new"
  local file, err = io.open(temporary, "wb")
  if not file then
    return nil, "could not write " .. err .. "; make the folder writable for the workers' user"
  end

  local ok
  ok, err = file:write(text)
  file:close()
  if ok then
    ok, err = os.rename(temporary, path)
  end
  if not ok then
    return nil, "could not write " .. path .. ": " .. err
  end

  return true
end


return _M
