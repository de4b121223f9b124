-- Tells the engine of configuration changes, so that it can hold errors against them.

local native = require "kong.plugins.threat-agent.native"


local kong = kong
local ngx = ngx
local tostring = tostring


local SOURCE = "threat-agent"
local EVENT = "change"

-- Entities whose change can break traffic.
local WATCHED = {
  consumers = true,
  plugins = true,
  routes = true,
  services = true,
  targets = true,
  upstreams = true,
}


local _M = {}


local configured = false


local function note(change)
  local ok, err = native.note_change(change)
  if not ok then
    kong.log.err(err)
  end
end


local function change_of(hash, entity)
  return { wall_s = ngx.time(), hash = tostring(hash), entities = { entity } }
end


-- The worker that served the Admin API tells all workers, because any of them may lead.
local function on_crud(data)
  local schema = data.schema and data.schema.name
  if not WATCHED[schema] then
    return
  end

  local entity = data.entity
  local name = entity.name or entity.username or entity.target or entity.id
  local change = change_of(entity.updated_at or ngx.time(), schema .. "/" .. tostring(name) .. " " .. data.operation)
  local ok, err = kong.worker_events.post(SOURCE, EVENT, change)
  if not ok then
    kong.log.warn("could not tell the other workers of a configuration change: ", err)
  end
end


local function on_reconfigure()
  note(change_of(ngx.now(), "declarative configuration"))
end


-- Listens in this worker, where the gateway has events between workers.
function _M.start()
  local events = kong.worker_events
  if not events then
    return
  end

  events.register(note, SOURCE, EVENT)
  events.register(on_crud, "dao:crud")
  events.register(on_reconfigure, "declarative", "reconfigure")
end


-- Hears of changed plugins from `configure`, where there are no events. The first call is the
-- start's.
function _M.plugins_configured()
  if configured and not kong.worker_events and native.load() then
    note(change_of(ngx.now(), "plugins"))
  end

  configured = true
end


return _M
