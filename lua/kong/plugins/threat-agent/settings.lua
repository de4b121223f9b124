-- Which instance the agent takes its orders from: the global one.

local cjson = require "cjson.safe"
local entities = require "kong.plugins.threat-agent.entities"


local kong = kong
local ipairs = ipairs
local pairs = pairs
local type = type


local NAME = "threat-agent"


local _M = {}


local platform              -- the conf
local last                  -- the latest that there was
local recalled              -- the latest before the last start, as JSON; nil once there is another
local is_unread = false     -- whether the latest look-up failed
local secrets = {}          -- reference → what it was last
local unresolved = {}       -- references whose vault did not have them last


-- In a workspace of its own an instance without a route or service is a team's, not the platform's.
local function is_global(conf)
  local workspace = conf.__ws_id
  return not (conf.route_id or conf.service_id or conf.consumer_id or conf.consumer_group_id)
         and (workspace == nil or workspace == kong.default_workspace)
end


local function hold(conf)
  platform, last, recalled = conf, conf, nil
end


-- Takes in all confs there are.
function _M.configure(confs)
  platform = nil
  for _, conf in ipairs(confs) do
    if is_global(conf) then
      hold(conf)
    end
  end
end


-- Takes in the conf of a global instance, which alone sees `rewrite`: before all of them are told, with Kong 3.4.
function _M.remember(conf)
  if conf ~= platform and is_global(conf) then
    hold(conf)
  end
end


-- The conf that holds now, whatever it allows; nil while there is none.
function _M.platform()
  return platform
end


-- The conf that what was done is to be ended by, also when the instance is gone; nil when there was
-- none.
function _M.last()
  return platform or last
end


-- References to vaults, which Kong resolves for plugins that run, and so not on a control plane. While a vault is away
-- its secrets are what they were.
local function resolve(value)
  for name, field in pairs(value) do
    if type(field) == "table" then
      resolve(field)
    elseif type(field) == "string" and kong.vault and kong.vault.is_reference(field) then
      local secret, err = kong.vault.get(field)
      if not secret and not unresolved[field] then
        kong.log.warn("could not resolve a reference: ", err)
      end
      unresolved[field] = not secret or nil
      secrets[field] = secret or secrets[field]
      value[name] = secrets[field] or ""
    end
  end

  return value
end


-- Takes up what was kept of the conf before the last start, for as long as there is no other. text: JSON, or nil.
function _M.recall(text)
  recalled = not last and text or recalled
end


-- Whether this node carries no traffic of its own.
local function is_control_plane()
  return kong.configuration.role == "control_plane"
end

_M.is_control_plane = is_control_plane


-- Reads the global instance, whichever workspace the request at hand is in. Returns nil where there is none; nil
-- and an error.
local function read()
  local workspace = kong.default_workspace
  local dao = kong.db.plugins
  return dao:select_by_cache_key(dao:cache_key(NAME, nil, nil, nil, nil, workspace), { workspace = workspace })
end


-- The conf that holds now, also on a control plane: no plugin runs there, so that it is looked up. There
-- it counts only where the node is to be a companion. One that is as it was stays the same table, and one that cannot
-- be read now stays, too.
function _M.look_up()
  local kept = recalled and cjson.decode(recalled)
  last = type(kept) == "table" and resolve(kept) or last
  if not is_control_plane() then
    return platform
  end

  local entity, err = read()
  if err and not is_unread then
    kong.log.warn("could not look the configuration up, so that the one before holds: ", err)
  end
  is_unread = err ~= nil
  if err then
    return platform
  end

  local conf = type(entity) == "table" and entity.enabled and entity.config
  if not conf or #conf.response.companion.accepts == 0 then
    platform = nil
    return nil
  end

  conf.__ws_id = kong.default_workspace
  conf = resolve(conf)
  if not platform or not entities.same(conf, platform) then
    hold(conf)
  end
  return platform
end


-- Whether entities are changed by another node, for this one.
function _M.asks_companion(conf)
  return conf.response.responder == "companion" and not is_control_plane()
end


-- Whether this node changes entities for others.
function _M.is_companion(conf)
  return #conf.response.companion.accepts > 0 and not _M.asks_companion(conf)
end


return _M
