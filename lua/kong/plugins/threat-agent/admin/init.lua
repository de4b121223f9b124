-- The Admin API that this node's agent writes to, as its topology has it.

local database = require "kong.plugins.threat-agent.database"
local dbless = require "kong.plugins.threat-agent.admin.dbless"
local http = require "kong.plugins.threat-agent.admin.http"
local konnect = require "kong.plugins.threat-agent.admin.konnect"
local traditional = require "kong.plugins.threat-agent.admin.traditional"


local kong = kong
local ngx = ngx
local tostring = tostring
local type = type


local _M = {}


local client     -- the last one, with its settings


-- The node's own Admin API, without TLS where it has a listener without.
local function own_url()
  local secure
  for _, listener in ipairs(kong.configuration.admin_listeners or {}) do
    local host = listener.ip == "0.0.0.0" and "127.0.0.1" or listener.ip == "::" and "[::1]" or listener.ip
    if host and not listener.ssl then
      return "http://" .. host .. ":" .. listener.port
    elseif host then
      secure = secure or "https://" .. host .. ":" .. listener.port
    end
  end

  return secure
end


local function is_for_the_same(a, b)
  return a.url == b.url and a.control_plane_id == b.control_plane_id
end


local function text_of(value)
  return type(value) == "string" and value or nil
end


-- The name that a workspace's entities are found under; nil where that is none. Returns nil, an error, whether that may
-- pass, and whether the workspace is gone, where it cannot be told.
local function name_of(workspace, api)
  if workspace == nil or workspace == "" or workspace == kong.default_workspace then
    return text_of(api.workspace)
  end

  local name, err = database.workspace_name(workspace)
  if not name and not err and database.is_gone(workspace) then
    return nil, "the workspace " .. workspace .. " is gone, and what was changed there with it", false, true
  elseif not name then
    return nil, "the workspace " .. workspace .. " is not known here" .. (err and ": " .. tostring(err) or ""), true
  end

  return name
end


local function find(settings)
  if settings.control_plane_id then
    local new = konnect.new(settings)
    local ok, err, passes = new:is_there()
    return ok and new, err, passes
  end

  local status, about, passes = http.request(settings, "GET", "/")
  if not status then
    return nil, about, passes
  end

  local strategy = type(about) == "table" and type(about.configuration) == "table" and about.configuration.database
  return (strategy == "off" and dbless or traditional).new(settings)
end


-- Finds the client for an instance's `response.admin_api`; what that asks stands in its `settings.calls`. workspace: the
-- id of the one that is meant; nil for the default one. Returns nil, why there is none, whether there may be one later, and
-- whether the workspace is gone.
function _M.client(api, workspace)
  local url = api.url
  if not url or url == ngx.null then
    url = own_url()
  end
  if not url then
    return nil, "no Admin API to write to: this node has none, so set response.admin_api.url to the control plane's"
  end
  local name, err, passes, is_gone = name_of(workspace, api)
  if err then
    return nil, err, passes, is_gone
  end

  local settings = {
    url = url,
    token = api.token,
    client_certificate = text_of(api.client_certificate),
    client_key = text_of(api.client_key),
    timeout_ms = api.timeout_ms,
    ssl_verify = api.ssl_verify,
    control_plane_id = text_of(api.control_plane_id),
    calls = {},
  }
  if client and is_for_the_same(client.settings, settings) then
    client.settings = settings
    return client:within(name)
  end

  local found
  found, err, passes = find(settings)
  client = found or client
  return found and found:within(name), err, passes
end


return _M
