-- What the review of the configuration found, and which operations of APIs stand out.

local config_review = require "kong.plugins.threat-agent.config_review"
local findings = require "kong.plugins.threat-agent.findings"
local operations = require "kong.plugins.threat-agent.operations"


local ipairs = ipairs


local _M = {}


local function is_kind(name)
  for _, kind in ipairs(config_review.KINDS) do
    if kind == name then
      return true
    end
  end

  return false
end


-- Lists findings; by kind, if one is asked for.
function _M.list(ask)
  local kind = ask.query.kind
  if kind and not is_kind(kind) then
    return 400, { message = "kind: expected " .. table.concat(config_review.KINDS, ", ") }
  end

  local list = findings.list(ask.workspace)
  if not list then
    return 503, { message = "the configuration was not reviewed on this node yet" }
  end

  local data = setmetatable({}, getmetatable(list))
  for _, finding in ipairs(list) do
    data[#data + 1] = (not kind or finding.kind == kind) and finding or nil
  end

  return 200, {
    data = data,
    counts = findings.counts(ask.workspace),
    operations = operations.list(ask.workspace),
  }
end


return _M
