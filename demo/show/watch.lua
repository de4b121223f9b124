-- What the gateway did, from its own log: Kong's file-log lines with the key `threat_agent`.

local cjson = require "cjson.safe"


local RECENT = 5


local Watch = {}
Watch.__index = Watch


local function new_entry()
  return {
    seen = 0,
    passed = 0,
    tagged = 0,
    throttled = 0,
    refused = 0,
    other_refusals = 0,
    uninspected = 0,
    rules = {},
    categories = {},
    statuses = {},
  }
end


-- path: the log, which the gateway makes at its first request.
function Watch.new(path, actors)
  local actor_of, entries = {}, {}
  for _, actor in ipairs(actors) do
    entries[actor.name] = new_entry()
    for _, address in ipairs(actor.addresses) do
      actor_of[address] = actor.name
    end
  end

  return setmetatable({
    path = path,
    rest = "",
    actor_of = actor_of,
    entries = entries,
    recent = {},
    unreadable = 0,
  }, Watch)
end


local function bump(counts, key)
  counts[key] = (counts[key] or 0) + 1
end


-- What became of a request: passed, tagged, throttled or refused.
local function outcome(found)
  if found.verdict == "tag" then
    return "tagged"
  elseif not found.enforced then
    return "passed"
  end

  return found.verdict == "throttle" and "throttled" or "refused"
end


-- Keeps the latest refusal of each of the latest refused actors.
function Watch:remember(line, found)
  local actor = self.actor_of[line.client_ip]
  for i, one in ipairs(self.recent) do
    if one.actor == actor then
      table.remove(self.recent, i)
      break
    end
  end

  table.insert(self.recent, 1, {
    actor = actor,
    status = line.response.status,
    method = line.request.method,
    target = line.request.uri,
    rules = table.concat(found.rules or {}, ","),
    incident = found.incident,
  })
  self.recent[RECENT + 1] = nil
end


function Watch:take(line)
  local entry = self.entries[self.actor_of[line.client_ip]]
  if not entry then
    return
  end

  local found = line.threat_agent or { verdict = "uninspected" }
  local what = outcome(found)
  entry.seen = entry.seen + 1
  entry[what] = entry[what] + 1
  entry.first_ms = math.min(entry.first_ms or math.huge, line.started_at)
  bump(entry.statuses, tostring(line.response.status))

  if found.verdict == "uninspected" then
    entry.uninspected = entry.uninspected + 1
  end

  if what == "passed" then
    -- Refused, but not by the plugin: a legitimate user does not care by whom.
    if line.response.status >= 500 or line.response.status == 403 or line.response.status == 429 then
      entry.other_refusals = entry.other_refusals + 1
    end
    if not entry.refusal_ms then
      entry.passed_before = entry.passed
    end
    return
  end

  for _, rule in ipairs(found.rules or {}) do
    bump(entry.rules, rule)
  end
  bump(entry.categories, found.category or "none")

  if what ~= "tagged" then
    entry.refusal_ms = math.min(entry.refusal_ms or math.huge, line.started_at)
    entry.incident = entry.incident or found.incident
    self:remember(line, found)
  end
end


-- Reads what the log has got since the last time.
function Watch:read()
  self.file = self.file or io.open(self.path, "rb")
  if not self.file then
    return
  end

  -- Going to where one is clears the end-of-file mark.
  self.file:seek("cur", 0)
  local data = self.rest .. self.file:read("*a")
  local from = 1
  for text, after in data:gmatch("([^\n]*)\n()") do
    from = after
    local line = cjson.decode(text)
    if type(line) == "table" and line.request and line.response then
      self:take(line)
    else
      self.unreadable = self.unreadable + 1
    end
  end
  self.rest = data:sub(from)
end


function Watch:seen()
  local total = 0
  for _, entry in pairs(self.entries) do
    total = total + entry.seen
  end

  return total
end


return Watch
