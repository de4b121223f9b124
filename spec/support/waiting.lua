-- Waits by polling with a bound. Who reads of a failure is told what the running gateways logged last.

local socket = require "socket"
local system = require "spec.support.system"


local POLL_S = 0.05
local EVENTUALLY_S = 10


local waiting = {
  -- The folders of the gateways that run.
  running = {},
}


-- What the running gateways logged last, for those who read of a failure.
local function last_words()
  local said = {}
  for prefix in pairs(waiting.running) do
    -- A data plane's control plane lies within its folder.
    local log, err = system.run("tail -n 12 " .. system.quote(prefix) .. "/logs/error.log $(ls -d " .. system.quote(prefix)
                                .. "/cp/logs/error.log 2> /dev/null) | cut -c -300")
    said[#said + 1] = "\nthe log of " .. prefix .. " ended with:\n" .. (log or err)
  end

  return table.concat(said)
end


-- Calls fn until it gives a true value, which is given on; fails after a time, with the
-- last thing it gave.
function waiting.eventually(fn, timeout_s)
  local deadline = socket.gettime() + (timeout_s or EVENTUALLY_S)
  while true do
    local results = { pcall(fn) }
    if results[1] and results[2] then
      return unpack(results, 2)
    end

    if socket.gettime() >= deadline then
      error("did not happen within " .. (timeout_s or EVENTUALLY_S) .. " s: " .. tostring(results[3] or results[2])
            .. last_words(), 2)
    end
    socket.sleep(POLL_S)
  end
end


return waiting
