-- The agent's loop: once a second in every worker, with work for the one that leads the node.

local files = require "kong.plugins.threat-agent.agent.files"
local incidents = require "kong.plugins.threat-agent.incidents"
local native = require "kong.plugins.threat-agent.native"


local kong = kong
local ngx = ngx


local BEAT_S = 1
local SAVE_S = 10

-- Name of each file that is kept → what gives its text.
local FILES = {
  [files.BANS] = native.bans_snapshot,
  [files.LEARNED] = native.export_learned,
}


local _M = {}


local cursor = 0        -- sequence of the last incident that was handled
local saved_at = 0
local said = {}         -- errors that were logged, so that each is said once


local function say(err)
  if not said[err] then
    said[err] = true
    kong.log.err(err)
  end
end


local function take_lead()
  kong.log.notice("leads this node")
  local learned = files.load(files.LEARNED)
  if learned then
    local ok, err = native.import_learned(learned)
    if not ok then
      say(err)
    end
  end

  -- What the former leader has handled is handled again: at least once, never not at all.
  cursor = 0
  saved_at = ngx.now()
end


local function handle_incidents()
  local incident, sequence = incidents.next(cursor)
  while incident do
    kong.log.notice("incident ", incident.id, " ", incident.status, ": ", incident.title)
    cursor = sequence
    incident, sequence = incidents.next(cursor)
  end
end


local function save()
  if ngx.now() - saved_at < SAVE_S then
    return
  end

  saved_at = ngx.now()
  for name, read in pairs(FILES) do
    local text, err = read()
    local ok = text
    if text then
      ok, err = files.save(name, text)
    end
    if not ok then
      say(err)
    end
  end
end


local function beat(premature)
  if premature or ngx.worker.exiting() then
    return
  end

  local leads, new = native.tick(ngx.time())
  if leads == nil then
    say(new)
  elseif new then
    take_lead()
  elseif leads then
    handle_incidents()
    save()
  end
end


-- Starts the loop in this worker. The privileged agent serves no requests and never leads.
function _M.start()
  if ngx.worker.id() == nil then
    return
  end

  local ok, err = ngx.timer.every(BEAT_S, beat)
  if not ok then
    kong.log.err("could not start the agent's loop: ", err)
  end
end


return _M
