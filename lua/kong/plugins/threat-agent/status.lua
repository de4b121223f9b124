-- What the node says of itself; read by the Admin API and by the Status API.

local actions = require "kong.plugins.threat-agent.action_list"
local baselines = require "kong.plugins.threat-agent.baselines"
local configuration = require "kong.plugins.threat-agent.configuration"
local elapsed = require "kong.plugins.threat-agent.elapsed"
local files = require "kong.plugins.threat-agent.files"
local guard = require "kong.plugins.threat-agent.guard"
local library = require "kong.plugins.threat-agent.library"
local region = require "kong.plugins.threat-agent.region"
local request = require "kong.plugins.threat-agent.request"
local self_test = require "kong.plugins.threat-agent.self_test"
local tally = require "kong.plugins.threat-agent.tally"


local ngx = ngx


-- How long what was found of the folder holds: whoever watches the status asks often, and each look writes. Units: seconds.
local LOOK_S = 10


local _M = {}


local looked_s, can_write, why_not


-- Whether the node's folder can be written to, or could within the last seconds. Returns true, or nil and an error.
local function can_keep()
  local now = ngx.now()
  if not looked_s or elapsed(looked_s, LOOK_S, now) then
    looked_s = now
    can_write, why_not = files.can_write()
  end

  return can_write, why_not
end


-- How much of the requests was inspected whole, and why the rest was not: requests by reason.
local function inspection_of(node)
  local reasons = {}
  for _, series in ipairs(tally.read().uninspected or {}) do
    reasons[series[2]] = series[1]
  end

  return {
    whole_ratio = node.requests > 0 and math.max(0, 1 - node.uninspected_requests / node.requests) or nil,
    uninspected = next(reasons) and reasons or nil,
  }
end


-- What the node cannot do as it stands; nil when there is nothing.
local function warning_of(node)
  if request.client_ip_is_forgeable() then
    return "trusted_ips trusts every address, so clients can forge theirs: "
           .. "nothing is counted or refused by address; name your proxies in trusted_ips"
  elseif node and not node.shared then
    return "no shared region: each worker counts alone; see the error log of the start"
  end

  local ok, err = can_keep()
  return not ok and "the agent takes no action, not even a ban by hand: " .. err or nil
end


-- Describes the node in aggregates. `enforcing` is true only when refusals are really carried out, and the engine
-- has proved that it refuses.
function _M.get()
  local ok, err = library.load()
  if not ok then
    return { version = library.VERSION, enforcing = false, error = err }
  end

  local node
  node, err = region.node()
  local tested, instances = self_test.result(), guard.instances()
  local status = {
    version = library.VERSION,
    enforcing = node ~= nil and not node.bypass and tested.passed and instances.enforce > 0,
    error = err,
    node = node,
    instances = instances,
    self_test = tested,
    actions = actions.summary(),
    baselines = baselines.summary(),
    inspection = node and inspection_of(node),
    warning = warning_of(node),
  }

  return status
end


-- The same with the global instance's mode and configuration, for who may see them. workspace: nil for all.
function _M.describe(workspace)
  local status = _M.get()
  local shown = workspace == nil and configuration.get() or nil
  status.mode = shown and shown.mode
  if shown and status.actions then
    status.actions.queued_because = actions.queued_because()
  end
  status.configuration = shown
  return status
end


return _M
