-- A small scheduler: coroutines that wait for sockets and for time, on one select.

local socket = require "socket"


local yield = coroutine.yield
local gettime = socket.gettime


local MAX_WAIT_S = 0.25


local _M = {}


local tasks = {}      -- coroutine → what it waits for


-- Starts a task. An error in it ends the show.
function _M.spawn(f, ...)
  local args = { ... }
  tasks[coroutine.create(function() f(unpack(args)) end)] = { at = 0 }
end


function _M.sleep(seconds)
  yield({ at = gettime() + seconds })
end


-- Waits until a socket can be read; false when that took longer than timeout_s.
function _M.readable(sock, timeout_s)
  return yield({ read = sock, at = gettime() + timeout_s })
end


-- Waits until a socket can be written; false when that took longer than timeout_s.
function _M.writable(sock, timeout_s)
  return yield({ write = sock, at = gettime() + timeout_s })
end


local function resume(task, ready)
  local ok, wait = coroutine.resume(task, ready)
  if not ok then
    error(debug.traceback(task, wait), 0)
  end

  tasks[task] = coroutine.status(task) ~= "dead" and wait or nil
end


local function turn()
  local reads, writes = {}, {}
  local next_at = gettime() + MAX_WAIT_S
  for _, wait in pairs(tasks) do
    reads[#reads + 1] = wait.read
    writes[#writes + 1] = wait.write
    next_at = math.min(next_at, wait.at)
  end

  local pause = math.max(0, next_at - gettime())
  local can_read, can_write = {}, {}
  if reads[1] or writes[1] then
    can_read, can_write = socket.select(reads, writes, pause)
  elseif pause > 0 then
    socket.sleep(pause)
  end

  local now = gettime()
  local due = {}
  for task, wait in pairs(tasks) do
    local ready = wait.read and can_read[wait.read] or wait.write and can_write[wait.write]
    if ready or wait.at <= now then
      due[#due + 1] = { task, ready ~= nil and ready ~= false }
    end
  end

  for _, entry in ipairs(due) do
    resume(entry[1], entry[2])
  end
end


-- Runs until no task is left.
function _M.run()
  while next(tasks) do
    turn()
  end
end


_M.now = gettime


return _M
