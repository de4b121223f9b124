-- A stand-in for Kong's file-log: one JSON line for each request.


local cjson = require "cjson"


local kong = kong


local FileLog = {
  PRIORITY = 9,
  VERSION = "3.9.1",
}


local files = {}


local function open(config)
  local file = files[config.path]
  if file and config.reopen then
    file:close()
    file = nil
  end

  if not file then
    local err
    file, err = io.open(config.path, "a")
    if not file then
      return nil, err
    end
    file:setvbuf("full", 1048576)
    files[config.path] = file
  end

  return file
end


function FileLog:log(config)
  local line = cjson.encode(kong.log.serialize()) .. "\n"
  local file, err = open(config)
  if not file then
    kong.log.err("failed to open the file: ", err)
    return
  end

  -- One write for each line, so that workers do not mix theirs.
  file:write(line)
  file:flush()
end


return FileLog
