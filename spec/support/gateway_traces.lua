-- What a running gateway leaves behind: its logs, its processes, and the agent's actions.

local cjson = require "cjson.safe"
local system = require "spec.support.system"
local waiting = require "spec.support.waiting"


local eventually = waiting.eventually
local read_file = system.read_file


local methods = {}


-- The decoded lines of a file-log under the gateway's directory.
function methods:log_lines(file)
  local lines = {}
  for line in read_file(self.prefix .. "/" .. (file or "requests.log")):gmatch("[^\n]+") do
    lines[#lines + 1] = cjson.decode(line)
  end

  return lines
end


-- The first logged request for which matches(line) holds, waited for.
function methods:logged(matches, file)
  return eventually(function()
    for _, line in ipairs(self:log_lines(file)) do
      if matches(line) then
        return line
      end
    end
  end)
end


-- The lines of error.log that contain a text; all without one.
function methods:error_log(text)
  local found = {}
  for line in read_file(self.prefix .. "/logs/error.log"):gmatch("[^\n]+") do
    if not text or line:find(text, 1, true) then
      found[#found + 1] = line
    end
  end

  return found
end


function methods:master_pid()
  return tonumber(read_file(self.prefix .. "/pids/nginx.pid"))
end


-- The process ids of the workers that are not on their way out.
function methods:worker_pids()
  local master = self:master_pid()
  local pids = {}
  for pid in read_file(("/proc/%d/task/%d/children"):format(master, master)):gmatch("%d+") do
    local title = read_file("/proc/" .. pid .. "/cmdline")
    if title:find("worker process", 1, true) and not title:find("shutting down", 1, true) then
      pids[#pids + 1] = tonumber(pid)
    end
  end

  return pids
end


-- The agent's actions on a route, by its name, in the file of the node with that prefix: a data plane has
-- no Admin API to ask. route: nil for all.
function methods.records_in(prefix, route)
  local found = {}
  for _, record in ipairs(cjson.decode(read_file(prefix .. "/threat-agent/actions.json")) or {}) do
    if route == nil or record.place.route_name == route then
      found[#found + 1] = record
    end
  end

  return found
end


-- Those of this node.
function methods:records(route)
  return methods.records_in(self.prefix, route)
end


-- Waits until the last action on a route, by its name, is in a state. Returns the action. within_s: 60 without one.
function methods:in_state(route, state, within_s)
  return eventually(function()
    local record = self:records(route)[1]
    return record and record.state == state and record
  end, within_s or 60)
end


return methods
