local actions = require "kong.plugins.threat-agent.action_list"
local commands = require "kong.plugins.threat-agent.commands"
local deck = require "kong.plugins.threat-agent.deck"
local incidents = require "kong.plugins.threat-agent.incidents"
local notices = require "kong.plugins.threat-agent.agent.notices"
local settings = require "kong.plugins.threat-agent.agent.settings"
local status = require "kong.plugins.threat-agent.status"
local stores = require "kong.plugins.threat-agent.stores"


local kong = kong


-- Of an export's page.
local DEFAULT_LINES, MAX_LINES = 1000, 10000

-- What may be asked for in which state.
local COMMANDS = {
  approve = { pending = true },
  revert = { pending = true, applying = true, active = true },
}


-- Who asks: Kong Enterprise's administrator, or the address.
local function asker()
  local admin = ngx.ctx.rbac and ngx.ctx.rbac.user
  return admin and admin.name or kong.client.get_ip()
end


local function send(command)
  command.by = asker()
  local ok, err = commands.send(command)
  if not ok then
    return kong.response.exit(503, { message = err })
  end

  return kong.response.exit(202, { message = "Accepted: the leading worker does it within a second or two" })
end


-- The global instance's configuration; ends the request where there is none.
local function platform()
  return settings.platform() or kong.response.exit(404, { message = "no global instance of threat-agent on this node" })
end


-- Answers a page of the store as JSON Lines; where there are more, a header says what to ask for next.
local function export(kind, params)
  local lines, more = stores.list(platform().store, {
    kind = kind,
    after = params.after,
    limit = math.max(1, math.min(tonumber(params.limit) or DEFAULT_LINES, MAX_LINES)),
  })
  if not lines then
    return kong.response.exit(503, { message = more })
  end

  lines[#lines + 1] = ""
  return kong.response.exit(200, table.concat(lines, "\n"), {
    ["Content-Type"] = "application/x-ndjson",
    ["X-Threat-Agent-Next"] = more,
  })
end


return {
  ["/threat-agent/status"] = {
    GET = function()
      return kong.response.exit(200, status.get())
    end,
  },

  ["/threat-agent/incidents"] = {
    GET = function(self)
      if self.params.format == "jsonl" then
        return export("incident", self.params)
      end

      local list, err = incidents.list()
      if not list then
        return kong.response.exit(503, { message = err })
      end

      return kong.response.exit(200, { data = list })
    end,
  },

  ["/threat-agent/ledger"] = {
    GET = function(self)
      return export("ledger", self.params)
    end,
  },

  ["/threat-agent/actions"] = {
    GET = function()
      return kong.response.exit(200, { data = actions.list() })
    end,
  },

  ["/threat-agent/actions/:id/:command"] = {
    POST = function(self)
      local command, record = self.params.command, actions.find(self.params.id)
      local states = COMMANDS[command]
      if not record or not states then
        return kong.response.exit(404, { message = "Not found" })
      elseif not states[record.state] then
        return kong.response.exit(409, { message = "the action is " .. record.state })
      end

      return send({ command = command, id = record.id })
    end,
  },

  ["/threat-agent/actions/:id/patch"] = {
    GET = function(self)
      local record = actions.find(self.params.id)
      if not record then
        return kong.response.exit(404, { message = "Not found" })
      end

      return kong.response.exit(200, deck.render(record), { ["Content-Type"] = "application/yaml" })
    end,
  },

  ["/threat-agent/notifications"] = {
    GET = function()
      return kong.response.exit(200, { data = notices.list(platform()) })
    end,
  },

  ["/threat-agent/notifications/test"] = {
    POST = function()
      local names = notices.test(platform(), asker())
      return kong.response.exit(202, { message = "Accepted: look at the channels", channels = names })
    end,
  },

  ["/threat-agent/kill"] = {
    POST = function()
      return send({ command = "kill" })
    end,
    DELETE = function()
      return send({ command = "unkill" })
    end,
  },
}
