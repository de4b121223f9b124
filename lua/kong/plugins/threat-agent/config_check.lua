-- Asks the engine what a schema cannot say: patterns, networks, expressions, ids given twice.
-- Where the library cannot be loaded (control planes, the CLI) the schema's own checks stand alone.

local templates = require "kong.plugins.threat-agent.actions.templates"


local _M = {}


local function engines()
  local ok, library = pcall(require, "kong.plugins.threat-agent.library")
  if ok and library.load() then
    return require "kong.plugins.threat-agent.engines"
  end
end


-- Custom validator of a whole config.
function _M.config(config)
  local known = engines()
  if not known then
    return true
  end

  return known.check(config)
end


local function is_table(value)
  return type(value) == "table"
end


-- What is wrong with a step; nil where nothing is. Not by Kong's conditional_at_least_one_of: with a database Kong fills
-- nulls into that and raises at one start of four, as the policies have a default.
local function wrong_with(step, own)
  local action, name = step.action, step.template
  if action == "hot_patch" and type(name) == "string" and not templates.find(name, own) then
    return "there is no template of the name " .. name
  elseif action == "restrict_route" and not (is_table(step.methods) or is_table(step.hosts) or is_table(step.headers)) then
    return "restrict_route needs methods, hosts or headers"
  end
end


-- Custom validator of a whole response: templates that compile, and steps that have what they need.
function _M.response(response)
  local own = is_table(response.templates) and response.templates or {}
  for _, template in ipairs(own) do
    local ok, err = templates.check(template)
    if not ok then
      return nil, err
    end
  end

  for _, policy in ipairs(is_table(response.policies) and response.policies or {}) do
    for _, step in ipairs(is_table(policy.steps) and policy.steps or {}) do
      local wrong = wrong_with(step, own)
      if wrong then
        return nil, "policy " .. tostring(policy.id) .. ": " .. wrong
      end
    end
  end

  return true
end


local function is_ipv4(text)
  local octets = { text:match("^(%d+)%.(%d+)%.(%d+)%.(%d+)$") }
  for _, octet in ipairs(octets) do
    if tonumber(octet) > 255 then
      return false
    end
  end

  return #octets == 4
end


-- Custom validator of an address or network: the form only, so that it holds without a library.
function _M.cidr(text)
  local address, length = text:match("^([^/]+)/(%d+)$")
  address = address or text
  local is_v6 = address:find(":", 1, true) ~= nil
  local is_address = is_v6 and address:match("^[%x:%.]+$") or is_ipv4(address)
  if is_address and tonumber(length or 0) <= (is_v6 and 128 or 32) then
    return true
  end

  return nil, "expected an IP address or a network in CIDR notation"
end


return _M
