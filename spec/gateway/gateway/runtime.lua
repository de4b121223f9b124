-- What a worker has made of the stored configuration: router, plugins, consumers. Made
-- anew in each worker when the store's version moves; requests under way keep theirs.


local entities = require "gateway.entities"
local plugins = require "gateway.plugins"
local plugins_iterator = require "gateway.plugins_iterator"
local router = require "gateway.router"
local schema = require "gateway.schema"
local store = require "gateway.store"
local workspace = require "gateway.workspace"


local POLL_S = 0.2


local current


local function select_all(db, list)
  local selected, by_id = {}, {}
  for i, item in ipairs(db[list]) do
    local entity = schema.select(entities.definition_of(list, item), item)
    entity.ws_id = workspace.ID
    selected[i] = entity
    by_id[entity.id] = entity
  end

  return selected, by_id
end


local function build(version)
  local db = store.load()
  local routes = select_all(db, "routes")
  local _, services = select_all(db, "services")
  local _, consumers = select_all(db, "consumers")
  local credentials = {}
  for _, credential in ipairs((select_all(db, "keyauth_credentials"))) do
    credentials[credential.key] = credential
  end

  local groups = {}
  for _, acl in ipairs((select_all(db, "acls"))) do
    groups[acl.consumer.id] = groups[acl.consumer.id] or {}
    table.insert(groups[acl.consumer.id], acl.group)
  end

  return {
    version = version,
    router = router.new(routes, services),
    iterator = plugins_iterator.new(db),
    consumers = consumers,
    credentials = credentials,
    groups = groups,
  }
end


-- Kong has the phase `configure` from here on.
local CONFIGURE_SINCE = 3005000


-- Runs the plugins' `configure` with all their configurations, or nil for none.
local function configure(pdk)
  if kong.version_num < CONFIGURE_SINCE then
    return
  end

  for _, plugin in ipairs(plugins.loaded) do
    if plugin.handler.configure then
      pdk.with_log(plugin.name, function()
        local ok, err = pcall(plugin.handler.configure, plugin.handler, current.iterator:configs_of(plugin.name))
        if not ok then
          ngx.log(ngx.ERR, "failed to execute plugin '", plugin.name, ":configure (", err, ")")
        end
      end)
    end
  end
end


-- Builds what is current, without telling the plugins.
local function load()
  current = build(store.version())
end


local function refresh(pdk)
  local version = store.version()
  if version == current.version then
    return
  end

  local ok, built = pcall(build, version)
  if not ok then
    ngx.log(ngx.ERR, "could not rebuild from the stored configuration: ", built)
    return
  end

  current = built
  configure(pdk)
end


-- Looks for a new version from now on.
local function watch(pdk)
  local function poll(premature)
    if not premature then
      refresh(pdk)
    end
  end

  assert(ngx.timer.every(POLL_S, poll))
end


local function get()
  return current
end


return {
  load = load,
  configure = configure,
  watch = watch,
  get = get,
}
