-- Messages on their way to a channel: Kong's queue carries them, with pauses that grow after each
-- failure. What could not be delivered is counted, and said once until the channel works again.

local Queue = require "kong.tools.queue"
local notifiers = require "kong.plugins.threat-agent.notifiers"
local update_secrets = require "kong.plugins.threat-agent.secrets"


local kong = kong
local ngx = ngx


local FIRST_PAUSE_S = 1
local LONGEST_PAUSE_S = 30
-- How long the counts of a channel are kept that nobody uses. Units: seconds.
local COUNTS_S = 7 * 86400
-- How long it counts what waits in a worker that says nothing more: it is dead.
local WAITING_S = 3 * LONGEST_PAUSE_S


local _M = {}


local waiting = {}      -- channel → messages that this worker has in hand
local failing = {}      -- channel → whether its loss was said


local function count_key(name, what)
  return "threat-agent:channel:" .. name .. ":" .. what
end


-- All workers read the counts, which those that send keep.
local function count(name, what, by)
  ngx.shared.kong:incr(count_key(name, what), by, 0, COUNTS_S)
end


-- Says how many messages wait in this worker.
local function show_waiting(name, number)
  waiting[name] = number
  ngx.shared.kong:set(count_key(name, "waiting:" .. (ngx.worker.id() or 0)), number, WAITING_S)
end


local function lose(name, why)
  count(name, "lost", 1)
  ngx.shared.kong:set(count_key(name, "error"), why, COUNTS_S)
  if not failing[name] then
    failing[name] = true
    kong.log.err("notifications of channel ", name, " are lost: ", why)
  end
end


local function arrive(name)
  count(name, "sent", 1)
  ngx.shared.kong:delete(count_key(name, "error"))
  if failing[name] then
    failing[name] = nil
    kong.log.notice("channel ", name, " takes notifications again")
  end
end


-- Tries one message. Returns whether it is done with; or nil and an error for another try.
local function try(to, entry)
  update_secrets(to.channel)
  local ok, err, passes = (to.carry or notifiers.notify)(to.channel, entry.event, entry.memory)
  if ok then
    arrive(to.name)
    entry.done(true)
    return true
  end

  entry.first_s = entry.first_s or ngx.now()
  show_waiting(to.name, waiting[to.name])
  if passes and ngx.now() - entry.first_s < to.max_retry_s then
    return nil, err
  end

  lose(to.name, err)
  entry.done(false)
  return true
end


-- The queue's handler: what has arrived is not sent again when a later one fails.
local function deliver(to, entries)
  for _, entry in ipairs(entries) do
    if not entry.is_over then
      local ok, err = try(to, entry)
      if not ok then
        return false, err
      end
      entry.is_over = true
      show_waiting(to.name, waiting[to.name] - 1)
    end
  end

  return true
end


local function nothing()
end


-- Hands a message over to a channel's queue. to: { name, channel, max_queued, max_retry_s, carry };
-- carry: what takes it there, if no notifier does; memory: what the notifier keeps for the incident;
-- done(arrived) is called at the end, if given. Returns whether the queue took it.
function _M.send(to, event, memory, done)
  local name = to.name
  local in_hand = waiting[name] or 0
  if in_hand >= to.max_queued then
    lose(name, "its queue is full")
    return false
  end

  local ok, err = Queue.enqueue({
    name = "threat-agent:" .. name,
    log_tag = "threat-agent",
    max_batch_size = 1,
    max_coalescing_delay = 0,
    max_entries = to.max_queued + 1,
    initial_retry_delay = FIRST_PAUSE_S,
    max_retry_delay = LONGEST_PAUSE_S,
    -- `try` gives up before the queue does, and counts.
    max_retry_time = to.max_retry_s + 2 * LONGEST_PAUSE_S,
    concurrency_limit = 1,
  }, deliver, to, { event = event, memory = memory or {}, done = done or nothing })
  if not ok then
    lose(name, err)
    return false
  end

  show_waiting(name, in_hand + 1)
  return true
end


-- The counts of a channel: { sent, lost, waiting, error }.
function _M.counts(name)
  local dict = ngx.shared.kong
  local waits = 0
  for id = 0, ngx.worker.count() - 1 do
    waits = waits + (dict:get(count_key(name, "waiting:" .. id)) or 0)
  end

  return {
    sent = dict:get(count_key(name, "sent")) or 0,
    lost = dict:get(count_key(name, "lost")) or 0,
    waiting = waits,
    error = dict:get(count_key(name, "error")),
  }
end


return _M
