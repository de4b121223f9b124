-- Receivers of notifications on this machine: HTTP, mail and syslog, each writing down what it got.
--
--   local sink = receivers.http()
--   sink.port, sink:received(), sink:fail(true), sink:stop(), sink:start()

local cjson = require "cjson.safe"
local gateway = require "spec.support.gateway"
local socket = require "socket"


local REPO = os.getenv("PWD")
local START_S = 20


local Receiver = {}
Receiver.__index = Receiver


local function free_port()
  local sock = assert(socket.bind("127.0.0.1", 0))
  local _, port = sock:getsockname()
  sock:close()
  return tonumber(port)
end


local function answers(port)
  local sock = socket.connect("127.0.0.1", port)
  if sock then
    sock:close()
  end

  return sock ~= nil
end


-- Starts it, or starts it again on the same port.
function Receiver:start()
  local pid = assert(gateway.run(("PYTHONPATH=%s/target/python %s > %s.log 2>&1 & echo $!"):format(
    REPO, self.command, self.file)))
  self.pid = pid:match("%d+")
  if self.is_tcp then
    gateway.eventually(function() return answers(self.port) end, START_S)
  end
  return self
end


function Receiver:stop()
  gateway.run("kill " .. self.pid)
  if self.is_tcp then
    gateway.eventually(function() return not answers(self.port) end)
  end
end


-- Lets it fail for a while, or no more.
function Receiver:fail(on)
  if on then
    assert(io.open(self.file .. ".fail", "w")):close()
  else
    os.remove(self.file .. ".fail")
  end
end


-- What the language model at /chat says from now on.
function Receiver:say(text)
  local file = assert(io.open(self.file .. ".answer", "w"))
  file:write(text)
  file:close()
end


-- What it has received: decoded lines, with `json` beside each body that is JSON.
function Receiver:received(path)
  local list = {}
  for line in gateway.read_file(self.file):gmatch("[^\n]+") do
    local got = cjson.decode(line)
    if got and (not path or got.path == path) then
      got.json = got.body and cjson.decode(got.body)
      list[#list + 1] = got
    end
  end

  return list
end


-- The first that matches, waited for.
function Receiver:await(matches, path, timeout_s)
  return gateway.eventually(function()
    for _, got in ipairs(self:received(path)) do
      if matches(got) then
        return got
      end
    end
  end, timeout_s or 12)
end


local function new(port, is_tcp, command, program)
  local file = os.tmpname()
  local self = setmetatable({ port = port, file = file, is_tcp = is_tcp }, Receiver)
  self.command = (program or "python3 " .. REPO .. "/spec/support/") .. command:gsub("PORT", port):gsub("FILE", file)
  return self:start()
end


local receivers = {}


function receivers.http()
  return new(free_port(), true, "sink.py PORT FILE")
end


-- Options: tls (starttls), methods ("PLAIN,LOGIN").
function receivers.mail(options)
  local base = os.tmpname()
  assert(gateway.run(("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 "
                      .. "-addext subjectAltName=IP:127.0.0.1 -keyout %s.key -out %s.crt"):format(base, base)))
  return new(free_port(), true, ("mail.py PORT FILE %s.crt %s.key %s %s"):format(
    base, base, options.tls or "starttls", options.methods or "PLAIN,LOGIN"))
end


-- Options: transport (udp).
function receivers.syslog(options)
  return new(free_port(), false, "syslog.py PORT FILE " .. (options and options.transport or "udp"))
end


-- A Redis server, which forgets all when it is stopped.
function receivers.redis()
  return new(free_port(), true, 'redis-server --port PORT --bind 127.0.0.1 --save "" --requirepass redis-pass', "")
end


return receivers
