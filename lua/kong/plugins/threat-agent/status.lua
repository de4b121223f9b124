-- What the node says of itself; read by the Admin API and by the Status API.

local actions = require "kong.plugins.threat-agent.action_list"
local guard = require "kong.plugins.threat-agent.guard"
local native = require "kong.plugins.threat-agent.native"
local request = require "kong.plugins.threat-agent.request"
local self_test = require "kong.plugins.threat-agent.self_test"


local _M = {}


-- Describes the node. `enforcing` is true only when refusals are really carried out, and the engine
-- has proved that it refuses.
function _M.get()
  local ok, err = native.load()
  if not ok then
    return { version = native.VERSION, enforcing = false, error = err }
  end

  local node
  node, err = native.node()
  local tested = self_test.result()
  local status = {
    version = native.VERSION,
    enforcing = node ~= nil and not node.bypass and tested.passed and guard.enforcing_instances() > 0,
    error = err,
    node = node,
    self_test = tested,
    actions = actions.summary(),
  }

  if request.client_ip_is_forgeable() then
    status.warning = "trusted_ips trusts every address, so clients can forge theirs: "
                     .. "nothing is counted or refused by address; name your proxies in trusted_ips"
  elseif node and not node.shared then
    status.warning = "no shared region: each worker counts alone; see the error log of the start"
  end

  return status
end


return _M
