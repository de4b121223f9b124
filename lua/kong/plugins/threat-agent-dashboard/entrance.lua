-- Who may come in, as what, and whether a writing request is meant.

local kong = kong
local ngx = ngx
local ipairs = ipairs


local EVERYBODY = "*"

local READING = { GET = true, HEAD = true }
local WRITING = { POST = true, DELETE = true }

-- Browsers send a header of one's own to another origin only after asking there, and nobody here says
-- yes. (Not X-Threat-Agent-…: those are removed from requests.)
local INTENT_HEADER, INTENT = "X-Requested-With", "threat-agent"

local NO_AUTHENTICATION = "not served without authentication: put one of Kong's authentication plugins, "
                          .. "without `anonymous`, on this route"
local NO_GROUP = "your groups are neither in viewer_groups nor in operator_groups of this route's "
                 .. "threat-agent-dashboard"
local NO_OPERATOR = "your groups are not in operator_groups"
local NOT_MEANT = "a writing request needs the header " .. INTENT_HEADER .. ": " .. INTENT
                  .. " and may not come from another origin"


local _M = {}


-- Lists the groups of who was authenticated: those that its authentication plugin found, or those of
-- the acl plugin.
local function groups_of(consumer)
  local given = kong.ctx.shared.authenticated_groups or ngx.ctx.authenticated_groups
  if type(given) == "table" then
    return given
  end

  local ok, acl = pcall(require, "kong.plugins.acl.groups")
  if not ok or not consumer then
    return {}
  end

  local found, groups, err = pcall(acl.get_consumer_groups, consumer.id)
  if not found or err then
    kong.log.err("could not read the groups of a consumer: ", err or groups)
    return {}
  end

  return groups or {}
end


local function contains(wanted, groups)
  for _, name in ipairs(wanted) do
    if name == EVERYBODY then
      return true
    end
    for _, group in ipairs(groups) do
      if group == name then
        return true
      end
    end
  end

  return false
end


-- Tells whether a browser sends it from this very origin; others than browsers say nothing of it.
local function is_same_origin()
  local site = kong.request.get_header("Sec-Fetch-Site")
  if site then
    return site == "same-origin"
  end

  local origin = kong.request.get_header("Origin")
  local host = origin and origin:match("^https?://(.+)$")
  return origin == nil or (host ~= nil and host == ngx.var.http_host)
end


local function is_meant()
  return kong.request.get_header(INTENT_HEADER) == INTENT and is_same_origin()
end


local function name_of(consumer, credential)
  return consumer and (consumer.username or consumer.custom_id or consumer.id)
         or credential.username or credential.id or "somebody"
end


-- Decides on a request. Returns { by, role }; or nil, a status, and why not.
function _M.check(conf)
  local method = kong.request.get_method()
  if not READING[method] and not WRITING[method] then
    return nil, 405, "Method not allowed"
  end

  -- An anonymous consumer has no credential.
  local consumer, credential = kong.client.get_consumer(), kong.client.get_credential()
  if not credential then
    return nil, 403, NO_AUTHENTICATION
  end

  local groups = groups_of(consumer)
  local operates = contains(conf.operator_groups, groups)
  if not operates and not contains(conf.viewer_groups, groups) then
    return nil, 403, NO_GROUP
  elseif WRITING[method] and not operates then
    return nil, 403, NO_OPERATOR
  elseif WRITING[method] and not is_meant() then
    return nil, 403, NOT_MEANT
  end

  return { by = tostring(name_of(consumer, credential)), role = operates and "operator" or "viewer" }
end


return _M
