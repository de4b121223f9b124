local actions = require "kong.plugins.threat-agent.action_list"
local commands = require "kong.plugins.threat-agent.commands"
local deck = require "kong.plugins.threat-agent.deck"
local incidents = require "kong.plugins.threat-agent.incidents"
local status = require "kong.plugins.threat-agent.status"


local kong = kong


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


return {
  ["/threat-agent/status"] = {
    GET = function()
      return kong.response.exit(200, status.get())
    end,
  },

  ["/threat-agent/incidents"] = {
    GET = function()
      local list, err = incidents.list()
      if not list then
        return kong.response.exit(503, { message = err })
      end

      return kong.response.exit(200, { data = list })
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

  ["/threat-agent/kill"] = {
    POST = function()
      return send({ command = "kill" })
    end,
    DELETE = function()
      return send({ command = "unkill" })
    end,
  },
}
