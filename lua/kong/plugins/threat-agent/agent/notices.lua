-- Who is told of what: every change of an incident and every state of an action, for each channel as
-- its grouping has it, and for other plugins as worker events.

local anchor = require "kong.plugins.threat-agent.agent.anchor"
local cjson = require "cjson.safe"
local discretion = require "kong.plugins.threat-agent.agent.discretion"
local elapsed = require "kong.plugins.threat-agent.elapsed"
local events = require "kong.plugins.threat-agent.agent.events"
local failing = require "kong.plugins.threat-agent.agent.failing"
local feedback = require "kong.plugins.threat-agent.feedback"
local files = require "kong.plugins.threat-agent.files"
local given = require "kong.plugins.threat-agent.given"
local grouping = require "kong.plugins.threat-agent.agent.grouping"
local journal = require "kong.plugins.threat-agent.agent.journal"
local judged = require "kong.plugins.threat-agent.judged"
local ledger = require "kong.plugins.threat-agent.agent.ledger"
local opinions = require "kong.plugins.threat-agent.opinions"
local outbox = require "kong.plugins.threat-agent.agent.outbox"
local stores = require "kong.plugins.threat-agent.stores"


local kong = kong
local ipairs = ipairs
local next = next
local pairs = pairs
local pcall = pcall


-- Of incidents that are over, for what still happens to their actions.
local KEEP_S = 3600
local SAVE_S = 2

-- Channels that get everything, ungrouped: they feed records, not people.
local STREAMS = { gateway = true }


local _M = {}


local known = {}          -- id → the incident as it stands
local changed = {}        -- ids since the last beat
local states = {}         -- action → its state when it was last looked at
local judgements = {}     -- id → how it had been judged when it was last looked at
local groupings = {}      -- channel → its grouping
local saved = {}          -- what the file held
local streamed_s = 0      -- the latest change that streams were given
local catching_up = false
local dirty, saved_s = false, 0


-- The channels that are on: { name, channel, settings, max_queued, max_retry_s }.
local function channels_of(conf)
  local settings = conf.notifications
  local list, names = {}, { store = true }
  for i, channel in ipairs(settings.enabled and settings.channels or {}) do
    if channel.enabled then
      local name = given(channel.name) or channel.type
      name = names[name] and name .. "-" .. i or name
      names[name] = true
      list[#list + 1] = {
        name = name,
        channel = channel,
        max_queued = settings.max_queued,
        max_retry_s = settings.max_retry_s,
        settings = {
          min_severity = given(channel.min_severity) or settings.min_severity,
          categories = given(channel.categories) or settings.categories,
          rate_per_minute = settings.rate_per_minute,
          update_interval_s = settings.update_interval_s,
        },
      }
    end
  end

  return list
end

-- The store, which gets all there is like a channel that feeds records.
local function store_of(conf)
  local store = conf.store
  return { name = "store", channel = store, carry = stores.keep,
           max_queued = store.max_queued, max_retry_s = store.max_retry_s }
end


-- When an incident changed last.
local function changed_s(incident)
  local resolved_s = given(incident.resolved_s) or 0
  return math.max(incident.updated_s, resolved_s)
end


-- Takes up where the last leader stopped.
function _M.open()
  known, changed, states, judgements, groupings = {}, {}, {}, {}, {}
  saved = cjson.decode(files.load(files.NOTIFIED) or "") or {}
  streamed_s = saved.streamed_s or 0
  catching_up, dirty = true, false
  anchor.open()
end


-- Takes in an incident that changed.
function _M.take_in(incident)
  known[incident.id] = incident
  changed[incident.id] = true
end


-- What tells one judgement of an incident from the next.
local function judgement_of(incident)
  local said, opinion = feedback.of(incident), opinions.of(incident)
  return (said and "-" .. said.verdict .. said.at_s or "") .. (opinion and "-ai" .. opinion.at_s or "")
end


-- Finds the incidents that operators or a language model judged.
local function look_for_judgements()
  for id, incident in pairs(known) do
    local judgement = judgement_of(incident)
    if (judgements[id] or "") ~= judgement then
      judgements[id] = judgement
      changed[id] = true
    end
  end
end


-- Finds the actions whose state changed, and forgets what ended long ago.
local function look_around(now_s)
  look_for_judgements()
  local of_incident, standing = {}, {}
  for _, record in ipairs(journal.all()) do
    standing[record.id] = record.state
    local list = of_incident[record.incident] or {}
    list[#list + 1] = record
    of_incident[record.incident] = list
    if states[record.id] ~= record.state and known[record.incident] then
      changed[record.incident] = true
    end
  end
  states = standing

  for id, incident in pairs(known) do
    if incident.status == "resolved" and not changed[id] and now_s - changed_s(incident) > KEEP_S then
      known[id], judgements[id] = nil, nil
    end
  end
  return of_incident
end


-- For other plugins on this node: source `threat-agent`, event `incident`.
local function publish(event)
  local worker_events = kong.worker_events
  if not worker_events then
    return
  end

  local ok, err = worker_events.post("threat-agent", "incident", event)
  if not ok then
    kong.log.debug("could not post a worker event: ", err)
  end
end


-- Does one part of what there is to tell: where it raises that is said, and the rest goes on.
local function try(what, part, ...)
  local ok, err = pcall(part, ...)
  if not ok then
    kong.log.err("could not ", what, ": ", err)
  end
end


-- Hands one change to the streams and to other plugins.
local function stream_one(incident, actions, conf, streams)
  local event = events.of_change(incident, actions or {}, changed_s(incident), judgement_of(incident), conf)
  publish(event)
  for _, to in ipairs(streams) do
    outbox.send(to, discretion(event, to.channel))
  end
end


-- Hands changes to the streams and to other plugins, as they are.
local function stream(conf, streams, of_incident)
  local newest_s = streamed_s
  for id in pairs(changed) do
    local incident = judged(known[id])
    local at_s = changed_s(incident)
    if not catching_up or at_s >= streamed_s then
      try("hand incident " .. id .. " on", stream_one, incident, of_incident[id], conf, streams)
    end
    newest_s = math.max(newest_s, at_s)
  end

  if newest_s > streamed_s then
    streamed_s, dirty = newest_s, true
  end
  for _, line in ipairs(ledger.take_new()) do
    local event = events.of_ledger(line, conf)
    for _, to in ipairs(streams) do
      -- A store keeps the line as it was written, so that its hash can be checked.
      outbox.send(to, to.carry and { at_s = event.at_s, ledger = line } or discretion(event, to.channel))
    end
  end
end


-- Marks a message as told once it has arrived, so that a new leader knows what to send again.
local function told_when_done(told)
  told.waits = true
  return function(arrived)
    told.waits = nil
    told.lost = not arrived or nil
    dirty = true
  end
end


-- Sends one message to a channel. One that is of an incident and raises is left as one that has not arrived: the next leader
-- sends it again.
local function send(message, to, conf)
  if message.event == "digest" then
    local event = events.of_digest(message.digest, message.over, conf)
    outbox.send(to, discretion(event, to.channel))
  else
    local done = told_when_done(message.told)
    local event = events.of_incident(message.event, message.incident, message.actions, conf)
    outbox.send(to, discretion(event, to.channel), message.told.memory, done)
  end
end


local function tell(conf, to, of_incident, now_s)
  local group = groupings[to.name]
  if not group then
    group = grouping.new(saved.channels and saved.channels[to.name])
    groupings[to.name] = group
  end
  for id in pairs(changed) do
    group:take(judged(known[id]), of_incident[id])
  end

  for _, message in ipairs(group:flush(to.settings, now_s)) do
    dirty = true
    try("tell channel " .. to.name .. " what is new", send, message, to, conf)
  end
end


local function save(now_s)
  if not dirty or not elapsed(saved_s, SAVE_S, now_s) then
    return
  end

  saved_s = now_s
  local channels = {}
  for name, group in pairs(groupings) do
    channels[name] = group:state()
  end
  local ok, err = files.save(files.NOTIFIED, cjson.encode({ channels = channels, streamed_s = streamed_s }))
  dirty = not failing.check(ok, "write down who was told of what", err)
end


-- Tells what there is to tell; on the leader, once a second. conf: the global instance's, or nil: then
-- it waits until there is one.
function _M.beat(conf, now_s)
  if not conf then
    return
  end

  local of_incident = look_around(now_s)
  local streams = { conf.store.type ~= "memory" and store_of(conf) or nil }
  for _, to in ipairs(channels_of(conf)) do
    try("tell channel " .. to.name .. " the ledger's head", anchor.tell, to, conf, now_s)
    if STREAMS[to.channel.type] then
      streams[#streams + 1] = to
    else
      tell(conf, to, of_incident, now_s)
    end
  end

  stream(conf, streams, of_incident)
  if next(changed) then
    changed = {}
  end
  catching_up = false
  save(now_s)
end


-- Hands an event that is no incident's to every channel that takes its severity and is not for some categories
-- only. conf: the global instance's.
function _M.announce(conf, event)
  for _, to in ipairs(channels_of(conf)) do
    if STREAMS[to.channel.type] or grouping.wants(to.settings, event) then
      outbox.send(to, discretion(event, to.channel))
    end
  end
end


-- Sends a test to each channel, from this worker. Returns the channels' names.
function _M.test(conf, by)
  local names = setmetatable({}, cjson.array_mt)
  for i, to in ipairs(channels_of(conf)) do
    outbox.send(to, events.of_test(by, conf))
    names[i] = to.name
  end

  return names
end


-- The channels and the store, with what became of their messages; no secrets.
function _M.list(conf)
  local list = setmetatable({}, cjson.array_mt)
  local all = channels_of(conf)
  if conf.store.type ~= "memory" then
    all[#all + 1] = store_of(conf)
  end
  for i, to in ipairs(all) do
    local counts = outbox.counts(to.name)
    list[i] = { name = to.name, type = to.channel.type, sent = counts.sent, lost = counts.lost,
                waiting = counts.waiting, error = counts.error }
  end

  return list
end


return _M
