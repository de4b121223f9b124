-- The agent's loop: once a second in every worker, with work for the one that leads the node. What may wait for the
-- Admin API is work of its own, beside all else.

local assessor = require "kong.plugins.threat-agent.agent.assessor"
local changes = require "kong.plugins.threat-agent.agent.changes"
local drifts = require "kong.plugins.threat-agent.agent.drifts"
local elapsed = require "kong.plugins.threat-agent.elapsed"
local files = require "kong.plugins.threat-agent.files"
local given = require "kong.plugins.threat-agent.given"
local incidents = require "kong.plugins.threat-agent.incidents"
local last_conf = require "kong.plugins.threat-agent.agent.last_conf"
local lease = require "kong.plugins.threat-agent.lease"
local notices = require "kong.plugins.threat-agent.agent.notices"
local region = require "kong.plugins.threat-agent.region"
local responder = require "kong.plugins.threat-agent.agent.responder"
local settings = require "kong.plugins.threat-agent.settings"
local sweeper = require "kong.plugins.threat-agent.agent.sweeper"
local tally = require "kong.plugins.threat-agent.tally"
local traffic_history = require "kong.plugins.threat-agent.traffic_history"


local kong = kong
local ngx = ngx


local BEAT_S = 1
-- A leader whose work takes longer leaves the lead to another worker. Units: seconds.
local LONGEST_S = 60
-- What goes on failing is said again after so long. Units: seconds.
local SAID_S = 3600
-- An incident that could not be handed over, and is over, is tried so long. Units: seconds.
local OWED_S = 3600
-- Name of each file that is kept → what gives its text, how often it is written, what tells whether it is to be sooner, and
-- what is told once it is written: what `read` gave beside the text.
local FILES = {
  [files.BANS] = { read = region.bans_snapshot, every_s = 10, is_due = region.has_new_bans, keep = region.keep_bans },
  [files.LEARNED] = { read = region.export_learned, every_s = 10 },
  [files.PROFILES] = { read = region.export_profiles, every_s = 30 },
}


local _M = {}


local cursor = 0        -- sequence of the last incident that was handed over
local owed = {}         -- who takes incidents → id → the incident, where taking it raised
local saved_at = {}      -- name of a file → when it was written
local running = {}       -- work → since when it is at it
local said = {}         -- error → when it was logged


-- Says an error once an hour.
local function say(err)
  local now = ngx.now()
  for text, at in pairs(said) do
    if elapsed(at, SAID_S, now) then
      said[text] = nil
    end
  end
  if not said[err] then
    said[err] = now
    kong.log.err(err)
  end
end


-- Says an error; passes the rest on.
local function checked(ok, err)
  if not ok and err then
    say(err)
  end

  return ok
end


-- Does one part of the work: where it raises or fails that is said, and the rest goes on.
local function try(part, ...)
  local ok, done, err = pcall(part, ...)
  checked(ok and done, ok and err or done)
end


-- What a new leader takes up from the files.
local OPENINGS = {
  function()
    local learned = files.load(files.LEARNED)
    return not learned or region.import_learned(learned)
  end,
  drifts.open,
  function()
    local profiles = files.load(files.PROFILES)
    return not profiles or region.import_profiles(profiles)
  end,
  changes.open,
  notices.open,
  assessor.open,
}

-- Without the records of what was done nobody may lead: all else is opened as far as it can be.
local function take_lead()
  kong.log.notice("leads this node")
  checked(responder.open())
  last_conf.recall()
  for _, open in ipairs(OPENINGS) do
    try(open)
  end

  -- What the former leader has handed over is handed over again: at least once, never not at all.
  cursor, owed = 0, {}
  for name in pairs(FILES) do
    saved_at[name] = ngx.now()
  end
end


-- Who is to know of each incident.
local TAKERS = { responder.take_in, notices.take_in, assessor.take_in }

-- Whether nobody needs to hear of an incident any more.
local function is_past(incident)
  return ngx.time() - (given(incident.resolved_s) or math.huge) > OWED_S
end


-- Hands an incident over to one of them. Where that raises it is handed over again, each second, by its latest change.
local function hand_over(incident, take_in)
  local ok, err = pcall(take_in, incident)
  checked(ok, err)
  local owes = owed[take_in] or {}
  owes[incident.id] = not ok and not is_past(incident) and incident or nil
  owed[take_in] = owes
end


local function handle_incidents()
  for take_in, owes in pairs(owed) do
    for _, incident in pairs(owes) do
      hand_over(incident, take_in)
    end
  end

  local incident, sequence = incidents.next(cursor)
  while incident do
    kong.log.notice("incident ", incident.id, " ", incident.status, ": ", incident.title)
    cursor = sequence
    for _, take_in in ipairs(TAKERS) do
      hand_over(incident, take_in)
    end
    incident, sequence = incidents.next(cursor)
  end
end


local function save_file(name, file)
  local text, about = file.read()
  if not text then
    return nil, about
  end

  local ok, err = files.save(name, text)
  if ok and file.keep then
    file.keep(about)
  end
  return ok, err
end


local function save()
  local now = ngx.now()
  for name, file in pairs(FILES) do
    if elapsed(saved_at[name] or 0, file.every_s, now) or file.is_due and file.is_due() then
      saved_at[name] = now
      try(save_file, name, file)
    end
  end
end


-- Starts work in a timer of its own, unless it is at it. Kong's timers come again only when they have ended, and every
-- beat is to renew the lease.
local function run_alone(work)
  if running[work] then
    return
  end

  running[work] = ngx.now()
  local ok, err = ngx.timer.at(0, function(premature)
    if not premature then
      checked(pcall(work))
    end
    running[work] = nil
  end)
  if not checked(ok, err) then
    running[work] = nil
  end
end


-- What waits for the Admin API.
local function reach_out()
  local conf = settings.last()
  if conf then
    try(responder.reach_out, conf)
    try(sweeper.sweep, conf)
  end
end


local function keep_conf()
  return last_conf.keep(settings.look_up())
end


local function work()
  try(changes.follow)
  try(handle_incidents)
  try(keep_conf)
  local conf = settings.last()
  if conf then
    try(responder.beat, conf)
    run_alone(reach_out)
  end
  try(assessor.beat, settings.platform(), ngx.time())
  try(notices.beat, settings.platform(), ngx.time())
  -- Told before it is saved: what a leader wrote down the next one does not tell again.
  try(drifts.beat, settings.platform())
  save()
end


local function lead()
  if lease.holds() then
    work()
  elseif not running[reach_out] then
    -- Whatever this worker waited for in a lead that it lost is over by now.
    checked(lease.take_over(take_lead))
  end
end


local function beat(premature)
  if premature or ngx.worker.exiting() then
    return
  end

  try(tally.flush)
  if running[lead] and ngx.now() - running[lead] > LONGEST_S then
    say("the leader's work takes longer than " .. LONGEST_S .. " s: another worker is to lead")
    return
  end

  local leads, err = lease.renew()
  if checked(leads ~= nil, err) and leads then
    checked(traffic_history.note())
    run_alone(lead)
  end
end


-- Takes in all confs there are.
function _M.configure(confs)
  settings.configure(confs)
  changes.plugins_configured()
end


-- Takes in the conf of a global instance: with Kong 3.4.
_M.remember = settings.remember


-- Starts the loop in this worker. The privileged agent serves no requests and never leads.
function _M.start()
  if ngx.worker.id() == nil then
    return
  end

  changes.start()
  local ok, err = ngx.timer.every(BEAT_S, beat)
  if not ok then
    kong.log.err("could not start the agent's loop: ", err)
  end
end


return _M
