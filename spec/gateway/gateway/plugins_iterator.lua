-- Which plugin runs, in which order, with which configuration. As in Kong, `access`
-- asks again before each plugin, since an earlier one may have set the consumer; what
-- it collects serves the later phases, and requests that never got there see the
-- global instances.


local entities = require "gateway.entities"
local plugins = require "gateway.plugins"
local schema = require "gateway.schema"
local workspace = require "gateway.workspace"


local fmt = string.format


local GLOBAL_PHASES = { "rewrite", "header_filter", "body_filter", "log" }
local COLLECTED_PHASES = { "header_filter", "body_filter", "log" }

-- From the narrowest to the widest: which of route, service and consumer a configuration names.
local PRECEDENCE = {
  { true, true, true },
  { true, false, true },
  { false, true, true },
  { true, true, false },
  { false, false, true },
  { true, false, false },
  { false, true, false },
  { false, false, false },
}


local function compound_key(route_id, service_id, consumer_id)
  return fmt("%s:%s:%s", route_id or "", service_id or "", consumer_id or "")
end


local function next_sequence()
  return ngx.shared.kong:incr("plugins_iterator:__seq__", 1, 0)
end


-- The configuration as handlers get it, a new table each time.
local function make_config(entity)
  local selected = schema.select(entities.definition_of("plugins", entity), entity)
  local config = selected.config or {}

  config.route_id = selected.route and selected.route.id
  config.service_id = selected.service and selected.service.id
  config.consumer_id = selected.consumer and selected.consumer.id
  config.plugin_instance_name = selected.instance_name
  config.__plugin_id = selected.id
  config.__ws_id = workspace.ID
  config.__key__ = fmt("plugins:%s:%s:::%s", selected.name,
                       compound_key(config.route_id, config.service_id, config.consumer_id), workspace.ID)
  config.__seq__ = next_sequence()

  return config
end


local iterator = {}
iterator.__index = iterator


-- Builds an iterator over the plugin entities of a database.
local function new(db)
  local self = setmetatable({ combos = {}, active = {}, globals = {}, configs = {} }, iterator)

  for _, entity in ipairs(db.plugins) do
    if entity.enabled then
      local config = make_config(entity)
      local name = entity.name

      self.configs[name] = self.configs[name] or {}
      table.insert(self.configs[name], config)

      self.combos[name] = self.combos[name] or {}
      self.combos[name][compound_key(config.route_id, config.service_id, config.consumer_id)] = config
    end
  end

  for _, phase in ipairs(GLOBAL_PHASES) do
    self.globals[phase] = {}
  end

  for _, plugin in ipairs(plugins.loaded) do
    local combos = self.combos[plugin.name]
    if combos then
      table.insert(self.active, plugin)
      local config = combos[compound_key()]
      for _, phase in ipairs(GLOBAL_PHASES) do
        if config and plugin.handler[phase] then
          table.insert(self.globals[phase], { plugin = plugin, config = config })
        end
      end
    end
  end

  return self
end


local function lookup(combos, handler, ctx)
  local route = not handler.no_route and ctx.route
  local service = not handler.no_service and ctx.service
  local consumer = not handler.no_consumer and ctx.authenticated_consumer

  for _, wanted in ipairs(PRECEDENCE) do
    local with_route, with_service, with_consumer = wanted[1], wanted[2], wanted[3]
    if (route or not with_route) and (service or not with_service) and (consumer or not with_consumer) then
      local config = combos[compound_key(with_route and route.id, with_service and service.id,
                                         with_consumer and consumer.id)]
      if config then
        return config
      end
    end
  end
end


-- Steps through the plugins of `access`, resolving each configuration when its turn comes.
-- Keeps the collected ones in ctx.plugins.
function iterator:collect(ctx)
  local collected = {}
  for _, phase in ipairs(COLLECTED_PHASES) do
    collected[phase] = {}
  end
  ctx.plugins = collected

  local i = 0
  return function()
    while i < #self.active do
      i = i + 1
      local plugin = self.active[i]
      local config = lookup(self.combos[plugin.name], plugin.handler, ctx)
      if config then
        for _, phase in ipairs(COLLECTED_PHASES) do
          if plugin.handler[phase] then
            table.insert(collected[phase], { plugin = plugin, config = config })
          end
        end

        if plugin.handler.access then
          return plugin, config
        end
      end
    end
  end
end


-- The { plugin, config } of a phase that runs for global instances only.
function iterator:global(phase)
  return self.globals[phase]
end


-- The { plugin, config } of a phase after `access`.
function iterator:collected(phase, ctx)
  return ctx.plugins and ctx.plugins[phase] or self.globals[phase]
end


-- All enabled configurations of a plugin, or nil.
function iterator:configs_of(name)
  return self.configs[name]
end


return { new = new }
