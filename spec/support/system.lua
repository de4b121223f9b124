-- What specs do on this machine: commands, files, free ports.

local ffi = require "ffi"
local socket = require "socket"


ffi.cdef "int getpid(void);"


-- Below the ports that the system hands out; specs that run side by side have a lane each, with ports of its own.
local PORTS = { 20000, 31999 }
local LANE_PORTS = 1500


math.randomseed(ffi.C.getpid() * 1000 + os.time() % 1000)


local system = {
  pid = ffi.C.getpid(),
}


function system.quote(text)
  return "'" .. tostring(text):gsub("'", "'\\''") .. "'"
end


-- Runs a command; gives what it printed, or nil and that.
function system.run(command)
  local pipe = io.popen("{ " .. command .. "\n} 2>&1; echo \"status:$?\"")
  local output = pipe:read("*a")
  pipe:close()

  local printed, status = output:match("^(.-)status:(%d+)%s*$")
  if status == "0" then
    return printed
  end

  return nil, printed or output
end


-- A port that is free and was not handed out before: a spec may keep one for later.
local handed_out = {}
local first_port, last_port = PORTS[1], PORTS[2]
local lane = tonumber(os.getenv("TA_LANE"))
if lane then
  first_port = first_port + lane * LANE_PORTS
  last_port = first_port + LANE_PORTS - 1
end


function system.free_port()
  while true do
    local port = math.random(first_port, last_port)
    local sock = not handed_out[port] and socket.bind("127.0.0.1", port)
    if sock then
      sock:close()
      handed_out[port] = true
      return port
    end
  end
end


function system.read_file(path)
  local file = io.open(path, "rb")
  if not file then
    return ""
  end

  local text = file:read("*a")
  file:close()
  return text
end


function system.write_file(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end


return system
