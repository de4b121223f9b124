-- An HTTP proxy that fails on request: what lies between an agent and its Admin API. Each connection is served in a process of
-- its own, so that one that hangs holds up no other; all end with the proxy.
--
--   luajit fault_proxy.lua PORT UPSTREAM_PORT MODE_FILE
--
-- MODE_FILE holds: pass; close (before the answer); cut (in the middle of it); slow (no answer for
-- two seconds); hang (none while that stands there, for whoever asks); late (all is passed on after four seconds);
-- later (after eight, by when nobody waits, and others are served meanwhile); or a status to answer with. Behind
-- `writes:` only what writes meets it. kill-before, kill-after and kill-later pass once, and end the workers of the nginx
-- whose master's id stands in MODE_FILE.pid with SIGKILL, before the request has arrived, after it, or twenty seconds before
-- it does, without an answer; before them, `pass-N:` lets so many through. `role` answers 403 to what deploy/rbac-role.yaml does not
-- allow.
-- MODE_FILE.writes gets a line for each write that comes: its method and path. MODE_FILE.landed gets one when a request of
-- later or kill-later was answered.

local ffi = require "ffi"
local role = require "spec.support.role"
local socket = require "socket"


ffi.cdef [[
int fork(void);
void _exit(int status);
int prctl(int option, unsigned long value);
void (*signal(int number, void (*handler)(int)))(int);
int open(const char *path, int flags, int mode);
int flock(int fd, int operation);
int close(int fd);
]]

-- As Linux numbers them.
local SIGKILL, SIGCHLD, PR_SET_PDEATHSIG = 9, 17, 1
local O_RDWR_CREAT, LOCK_EX = 0x42, 2
local SIG_DFL, SIG_IGN = ffi.cast("void (*)(int)", 0), ffi.cast("void (*)(int)", 1)


local port, upstream_port, mode_file = arg[1], arg[2], arg[3]


-- What stands in the file, which may just be written.
local function mode()
  local text
  repeat
    local file = io.open(mode_file, "rb")
    text = not file and "pass" or file:read("*l")
    if file then
      file:close()
    end
  until text

  return text
end


-- Reads a message; returns its bytes. Both sides send lengths, save for chunked answers.
local function receive(sock)
  local lines, length, chunked = {}, 0, false
  repeat
    local line, err = sock:receive("*l")
    if not line then
      return nil, err
    end
    lines[#lines + 1] = line
    length = tonumber(line:lower():match("^content%-length:%s*(%d+)")) or length
    chunked = chunked or line:lower():find("^transfer%-encoding:%s*chunked") ~= nil
  until line == ""

  local body = ""
  if chunked then
    repeat
      local size = sock:receive("*l")
      local chunk = sock:receive(tonumber(size, 16) + 2)
      body = body .. size .. "\r\n" .. chunk
    until tonumber(size, 16) == 0
  elseif length > 0 then
    body = sock:receive(length)
  end

  return table.concat(lines, "\r\n") .. "\r\n" .. body
end


local function answer(client, status)
  local body = '{"message":"said by the fault proxy"}'
  client:send("HTTP/1.1 " .. status .. " Fault\r\nContent-Type: application/json\r\nContent-Length: " .. #body
              .. "\r\nConnection: close\r\n\r\n" .. body)
end


local function set_mode(name)
  local file = assert(io.open(mode_file, "wb"))
  file:write(name, "\n")
  file:close()
end


-- Writes down a request that is to change something.
local function note(request)
  local line = request:match("^([^\r]+)")
  if not line:find("^GET ") then
    local file = assert(io.open(mode_file .. ".writes", "ab"))
    file:write(line, "\n")
    file:close()
  end
end


-- Ends the workers of a gateway.
local function kill()
  set_mode("pass")
  os.execute("kill -9 $(pgrep -P $(cat " .. mode_file .. ".pid) -f 'worker process')")
end


local function forward(client, request, how)
  local upstream = assert(socket.connect("127.0.0.1", upstream_port))
  upstream:settimeout(5)
  upstream:send((request:gsub("\r\n", "\r\nConnection: close\r\n", 1)))
  local response = receive(upstream) or ""
  upstream:close()
  client:send(how == "cut" and response:sub(1, #response / 2) or response)
end


-- Passes a request on in so many seconds, in a process of its own.
local function forward_later(request, seconds)
  local path = os.tmpname()
  local file = assert(io.open(path, "wb"))
  file:write((request:gsub("\r\n", "\r\nConnection: close\r\n", 1)))
  file:close()
  os.execute(("bash -c 'sleep %d; exec 3<>/dev/tcp/127.0.0.1/%s; cat %s >&3; rm %s; cat <&3; echo >> %s.landed' > /dev/null 2>&1 &")
             :format(seconds, upstream_port, path, path, mode_file))
end


local allows = role.read("deploy/rbac-role.yaml")


-- Calls a function while no other process of the proxy is in here.
local function alone(fn, ...)
  local lock = ffi.C.open(mode_file .. ".lock", O_RDWR_CREAT, 420)
  ffi.C.flock(lock, LOCK_EX)
  local result = fn(...)
  ffi.C.close(lock)
  return result
end


-- Decides what meets a request, and what meets the next one. request: nil where none came.
local function decide(request)
  local how = mode()
  local only = how:match("^writes:(.*)")
  how = only and (request and request:find("^GET ") and "pass" or only) or how
  local left, rest = how:match("^pass%-(%d+):(.*)")
  if left then
    set_mode((only and "writes:" or "") .. (left == "1" and "" or "pass-" .. left - 1 .. ":") .. rest)
    return "pass"
  end

  if request and how:find("^kill%-") then
    -- One is enough; it says `pass` once it has killed.
    set_mode("killing")
  end
  return how == "killing" and "pass" or how
end


local function serve(client)
  local request = receive(client)
  local how = alone(decide, request)
  if not request then
    return
  end

  note(request)
  if tonumber(how) then
    answer(client, how)
  elseif how == "role" and not allows(request:match("^(%u+) (%S+)")) then
    answer(client, 403)
  elseif how:find("^kill") then
    if how == "kill-after" then
      forward({ send = function() end }, request)
    elseif how == "kill-later" then
      forward_later(request, 20)
    end
    kill()
  elseif how == "hang" then
    while mode() == how do
      socket.sleep(0.05)
    end
  elseif how == "later" then
    forward_later(request, 8)
    socket.sleep(1)
  elseif how == "slow" then
    socket.sleep(2)
  elseif how ~= "close" then
    socket.sleep(how == "late" and 4 or 0)
    forward(client, request, how)
  end
end


local server = assert(socket.bind("127.0.0.1", port))
-- Nobody waits for those who have served.
ffi.C.signal(SIGCHLD, SIG_IGN)
while true do
  local client = server:accept()
  if ffi.C.fork() == 0 then
    ffi.C.prctl(PR_SET_PDEATHSIG, SIGKILL)
    ffi.C.signal(SIGCHLD, SIG_DFL)
    server:close()
    client:settimeout(5)
    local ok, err = pcall(serve, client)
    if not ok then
      io.stderr:write(err, "\n")
    end
    client:close()
    ffi.C._exit(0)
  end
  client:close()
end
