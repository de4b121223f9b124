-- What the show came to, and whether it was as it ought to be.

local text = require "show.text"


local _M = {}


local function refusals(entry)
  return entry.throttled + entry.refused
end


local function delay(entry)
  if not entry.refusal_ms then
    return "never"
  end

  return string.format("%.1f s", (entry.refusal_ms - entry.first_ms) / 1000)
end


-- Judges one actor. Returns what is wrong, or nil.
local function complaint(actor, stage, entry)
  if stage.lost > 0 then
    return string.format("%d requests of %s got no answer: %s", stage.lost, actor.name, tostring(stage.lost_why))
  elseif entry.seen == 0 then
    return "the gateway's log shows no request of " .. actor.name
  elseif actor.kind == "legitimate" and refusals(entry) + entry.other_refusals > 0 then
    return string.format("%d legitimate requests of %s were refused",
      refusals(entry) + entry.other_refusals, actor.name)
  elseif actor.kind == "attack" and refusals(entry) == 0 then
    return "the attack of " .. actor.name .. " passed wholly"
  end
end


local function print_legitimate(actor, entry)
  print(string.format("  %s %s requests from %d %s, %d refused",
    text.left(actor.name, 15), text.right(text.count(entry.seen), 6),
    #actor.addresses, #actor.addresses == 1 and "address" or "addresses",
    refusals(entry) + entry.other_refusals))
end


local function print_attack(actor, entry)
  local share = entry.seen > 0 and refusals(entry) / entry.seen * 100 or 0
  print(string.format("  %s %s %s %5.1f %%  %s  %s  %s",
    text.left(actor.name, 15), text.right(text.count(entry.seen), 6), text.right(text.count(refusals(entry)), 8),
    share, text.right(delay(entry), 8), text.right(text.count(entry.passed_before or 0), 6), actor.expects))
end


-- Prints each incident once, as it stands at the end. incidents: the latest change first.
local function print_incidents(incidents)
  local told = {}
  for _, incident in ipairs(incidents) do
    if not told[incident.id] then
      told[incident.id] = true
      print(string.format("  %s %s %s", text.left(incident.severity, 9), text.left(incident.category, 22),
        incident.title))
    end
  end
end


local function each(show, kind, f)
  for _, actor in ipairs(show.actors) do
    if actor.kind == kind then
      f(actor, show.watch.entries[actor.name])
    end
  end
end


-- Prints the summary. Returns whether everything was as it ought to be.
function _M.print(show)
  print("\nLegitimate traffic")
  each(show, "legitimate", print_legitimate)

  print("\nAttacks          seen  refused    share    after  passed  expected")
  print("                                                  before")
  each(show, "attack", print_attack)

  if show.incidents[1] then
    print("\nIncidents (GET /threat-agent/incidents)")
    print_incidents(show.incidents)
  end

  local state = show.node and show.node.node
  print("\nBans and suspicions standing at the end: " .. (state and state.bans or "unknown"))

  local complaints = {}
  for _, actor in ipairs(show.actors) do
    complaints[#complaints + 1] = complaint(actor, show.stages[actor.name], show.watch.entries[actor.name])
  end

  if show.watch.unreadable > 0 then
    complaints[#complaints + 1] = show.watch.unreadable .. " lines of the gateway's log were unreadable"
  end

  if not complaints[1] then
    print("As it ought to be: every attack was refused, no legitimate request was.")
    return true
  end

  for _, line in ipairs(complaints) do
    print("NOT as it ought to be: " .. line)
  end

  return false
end


return _M
