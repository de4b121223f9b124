-- What lies between an agent and its Admin API, failing on request: fault_proxy.lua as a process of its own.
--
--   local proxy = faults.start(gw, PORT, "pass"[, upstream_port])   -- the gateway's Admin API is behind it
--   proxy:mode("writes:500"), proxy:has_passed(), proxy:count("writes"), proxy:stop()

local gateway = require "spec.support.gateway"


local Proxy = {}
Proxy.__index = Proxy


-- How it treats what comes from now on; read in whole by whoever reads it meanwhile.
function Proxy:mode(mode)
  gateway.write_file(self.file .. ".new", mode .. "\n")
  os.rename(self.file .. ".new", self.file)
end


-- Tells whether a mode that passes once has done so, or `pass` was set.
function Proxy:has_passed()
  return gateway.read_file(self.file) == "pass\n"
end


-- How many requests came by that write (`writes`) or were answered late (`landed`).
function Proxy:count(what)
  local _, count = gateway.read_file(self.file .. "." .. what):gsub("\n", "")
  return count
end


function Proxy:stop()
  gateway.run("kill " .. self.pid)
end


local _M = {}


-- Starts one on `port`, with its files in the gateway's folder. It knows whose workers it may have to kill.
function _M.start(gw, port, mode, upstream_port)
  local self = setmetatable({ file = gw.prefix .. "/mode" }, Proxy)
  self:mode(mode)
  gateway.write_file(self.file .. ".pid", gw:master_pid() .. "\n")
  self.pid = gateway.run(("luajit spec/support/fault_proxy.lua %d %d %s > /dev/null 2>&1 & echo $!")
                         :format(port, upstream_port or gw.admin_port, self.file))
  return self
end


return _M
