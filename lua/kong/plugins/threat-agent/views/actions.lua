-- The agent's actions, and what operators ask of it. The leading worker carries it out.

local action_list = require "kong.plugins.threat-agent.action_list"
local cjson = require "cjson.safe"
local commands = require "kong.plugins.threat-agent.commands"
local deck = require "kong.plugins.threat-agent.deck"
local files = require "kong.plugins.threat-agent.files"
local library = require "kong.plugins.threat-agent.library"
local settings = require "kong.plugins.threat-agent.settings"


-- What may be asked for in which state.
local COMMANDS = {
  approve = { pending = true },
  revert = { pending = true, applying = true, active = true, kept = true },
}


-- What is handed on even by a worker that does not know of an instance yet (with Kong 3.4 it looks for them).
local ANYHOW = { kill = true, unkill = true }


local _M = {}


-- Why nobody would carry a command out; nil where somebody does.
local function unheard(command)
  local ok, err = library.load()
  if not ok then
    return err
  elseif settings.look_up() or settings.last() then
    return nil
  elseif settings.is_control_plane() then
    return "this control plane acts for no data plane (no global instance has response.companion.accepts): ask on a data "
           .. "plane's dashboard, or change the plugin's configuration, such as response.kill_switch"
  elseif not ANYHOW[command] then
    return "no global instance of the plugin responds, so that nobody would carry it out"
  end
end


-- Hands a command to the leader, in the name of who asks.
function _M.send(ask, command)
  local why = unheard(command.command)
  if why then
    return 503, { message = why }
  end

  command.by = ask.by
  local ok, err = commands.send(command)
  if not ok then
    return 503, { message = err }
  end

  return 202, { message = "Accepted: the leading worker does it within a second or two" }
end


-- Lists the actions, the latest first: by state and incident.
function _M.list(ask)
  local query = ask.query
  local data = setmetatable({}, cjson.array_mt)
  for _, record in ipairs(action_list.list(ask.workspace)) do
    if (not query.state or record.state == query.state)
       and (not query.incident or record.incident == query.incident)
    then
      data[#data + 1] = record
    end
  end

  return 200, { data = data }
end


function _M.get(ask)
  local record = action_list.find(ask.params.id, ask.workspace)
  if not record then
    return 404, { message = "Not found" }
  end

  return 200, record
end


-- Approves an action that waits, or takes one back.
function _M.command(ask)
  local command = ask.params.command
  local record, states = action_list.find(ask.params.id, ask.workspace), COMMANDS[command]
  if not record or not states then
    return 404, { message = "Not found" }
  elseif not states[record.state] then
    return 409, { message = "the action is " .. record.state }
  end

  return _M.send(ask, { command = command, id = record.id })
end


-- Writes an action's changes as a decK file.
function _M.patch(ask)
  local record = action_list.find(ask.params.id, ask.workspace)
  if not record then
    return 404, { message = "Not found" }
  end

  return 200, deck.render(record), { ["Content-Type"] = "application/yaml" }
end


-- Why the kill switch is not this asker's, or nobody's here: status and body; nil where there is no reason.
local function refused(ask, command)
  if ask.workspace ~= nil then
    return 403, { message = "the kill switch is the platform's: ask in the default workspace" }
  end

  local why = unheard(command)
  if why then
    return 503, { message = why }
  end
end


-- Sets the kill switch here and now, whoever leads. The leader is told, too, so that it writes down who asked.
function _M.kill(ask)
  local status, body = refused(ask, "kill")
  if status then
    return status, body
  end

  local is_set = files.save(files.KILL, ask.by)
  status, body = _M.send(ask, { command = "kill" })
  if is_set and status ~= 202 then
    return 202, { message = "Accepted: the kill switch is set" }
  end

  return status, body
end


function _M.unkill(ask)
  local status, body = refused(ask, "unkill")
  if status then
    return status, body
  end

  return _M.send(ask, { command = "unkill" })
end


return _M
