-- Follows the gateway's configuration: Kong's events and versions say that something changed, a
-- snapshot says what, and the engine holds errors against it.

local elapsed = require "kong.plugins.threat-agent.elapsed"
local journal = require "kong.plugins.threat-agent.agent.journal"
local region = require "kong.plugins.threat-agent.region"
local reviewer = require "kong.plugins.threat-agent.agent.reviewer"
local settings = require "kong.plugins.threat-agent.settings"
local snapshots = require "kong.plugins.threat-agent.snapshots"


local kong = kong
local ngx = ngx
local type = type


local SOURCE = "threat-agent"
local EVENT = "change"
-- Changed elsewhere, with a database: Kong's caches of these are dropped on every node.
local VERSIONS = { "router:version", "plugins_iterator:version" }
-- Without events and versions there is still a look from time to time.
local LOOK_S = 30

-- Entities whose change can break traffic.
local WATCHED = {
  plugins = true,
  routes = true,
  services = true,
  targets = true,
  upstreams = true,
}


local _M = {}


local changed = true      -- there may be something new
local unreviewed = false  -- there was, and the configuration could not be read, or its review be kept, yet
local versions = {}
local looked_at = 0


local function mark()
  changed = true
end


-- The worker that served the Admin API tells all workers, because any of them may lead.
local function on_crud(data)
  if WATCHED[data.schema and data.schema.name] then
    local ok, err = kong.worker_events.post(SOURCE, EVENT, {})
    if not ok then
      kong.log.warn("could not tell the other workers of a configuration change: ", err)
    end
  end
end


-- Listens in this worker, where the gateway has events between workers.
function _M.start()
  local events = kong.worker_events
  if not events then
    return
  end

  events.register(mark, SOURCE, EVENT)
  events.register(on_crud, "dao:crud")
  events.register(mark, "declarative", "reconfigure")
end


-- Hears of changed plugins from `configure`.
_M.plugins_configured = mark


local function look_at_versions()
  local cache = kong.core_cache
  for _, name in ipairs(cache and VERSIONS or {}) do
    local _, _, version = cache:probe(name)
    if versions[name] ~= version then
      versions[name] = version
      changed = true
    end
  end
end


-- Takes up where the last leader stopped.
function _M.open()
  changed = true
  return snapshots.open()
end


local function history_folder()
  local conf = settings.look_up()
  local folder = conf and conf.response.history_folder
  return type(folder) == "string" and folder or nil
end


-- Tells the engine what changed.
local function tell(found)
  local entities = {}
  for _, change in ipairs(found) do
    -- What the agent changes is no suspect.
    change.own = journal.has_changed(change.id)
    if not change.own then
      entities[#entities + 1] = snapshots.describe(change)
    end
  end
  if #found > 0 then
    snapshots.save_changes()
  end
  if #entities == 0 then
    return true
  end

  return region.note_change({ wall_s = ngx.time(), hash = "", entities = entities })
end


-- Looks whether the configuration changed, tells the engine what, and has it reviewed. Returns nil and an
-- error.
function _M.follow()
  look_at_versions()
  local now = ngx.now()
  if not changed and not elapsed(looked_at, LOOK_S, now) then
    return true
  end

  unreviewed = unreviewed or changed
  changed = false
  looked_at = now
  local found, standing = snapshots.follow(ngx.time(), history_folder())
  if not found then
    return nil, standing
  end

  -- A snapshot leaves out what may be a secret: a mark may mean more than it shows.
  unreviewed = unreviewed or #found > 0
  local ok, err = tell(found)
  if unreviewed then
    local reviewed, review_err = reviewer.review(standing, ngx.time())
    unreviewed = not reviewed
    ok, err = ok and reviewed, err or review_err
  end

  return ok, err
end


return _M
