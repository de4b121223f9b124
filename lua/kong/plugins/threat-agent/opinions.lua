-- What a language model made of incidents: the leader writes it down, every worker reads it.
--
-- An opinion is one more stage of an incident's classification. It can lower an incident's confidence as far
-- as the configuration says, and never raises anything: whoever could talk the model round gains no refusal.

local cjson = require "cjson.safe"
local files = require "kong.plugins.threat-agent.files"
local llm = require "kong.plugins.threat-agent.llm"


local ngx = ngx
local ipairs = ipairs
local pairs = pairs
local getmetatable = getmetatable
local setmetatable = setmetatable


-- The leader raises it with each change, so that workers read the file only then.
local VERSION_KEY = "threat-agent:opinions"
local MOST = 500


local _M = {}


local entries, by_incident, version = {}, {}, nil


-- Numbers of incidents begin anew when the gateway does.
local function key_of(id, opened_s)
  return id .. "@" .. opened_s
end


local function catch_up()
  local now_version = ngx.shared.kong:get(VERSION_KEY) or 0
  if version == now_version then
    return
  end

  entries, by_incident = cjson.decode(files.load(files.OPINIONS) or "[]") or {}, {}
  version = now_version
  for _, entry in ipairs(entries) do
    by_incident[key_of(entry.incident, entry.opened_s)] = entry
  end
end


-- Finds the latest opinion of an incident; nil when there is none.
function _M.of(incident)
  catch_up()
  return by_incident[key_of(incident.id, incident.opened_s)]
end


-- Writes an opinion of an incident down, on the leader. weight: `config.llm.weight`. Returns true, or nil
-- and an error.
function _M.keep(incident, opinion, weight)
  catch_up()
  local kept = setmetatable({}, cjson.array_mt)
  for _, entry in ipairs(entries) do
    if entry.incident ~= incident.id or entry.opened_s ~= incident.opened_s then
      kept[#kept + 1] = entry
    end
  end

  kept[#kept + 1] = {
    incident = incident.id,
    opened_s = incident.opened_s,
    of_category = incident.category,
    of_severity = incident.severity,
    at_s = ngx.time(),
    weight = weight,
    opinion = opinion,
  }
  while #kept > MOST do
    table.remove(kept, 1)
  end

  local ok, err = files.save(files.OPINIONS, cjson.encode(kept))
  if ok then
    ngx.shared.kong:incr(VERSION_KEY, 1, 0)
  end
  return ok, err
end


-- How likely the opinion has it that there is no attack.
local function doubt_of(opinion)
  return opinion.category == llm.NO_ATTACK and opinion.probability or 1 - opinion.probability
end


-- An incident with the opinion of it: `opinion`, a step of stage `ai` in its `history`, and a `confidence`
-- that is lower where the model sees no attack. The incident itself is not changed.
function _M.add(incident)
  local entry = _M.of(incident)
  if not entry then
    return incident
  end

  local copy = setmetatable({}, getmetatable(incident))
  for name, value in pairs(incident) do
    copy[name] = value
  end

  local opinion = entry.opinion
  copy.history = setmetatable({}, cjson.array_mt)
  for i, step in ipairs(incident.history) do
    copy.history[i] = step
  end
  copy.history[#copy.history + 1] = {
    wall_s = entry.at_s, stage = "ai", category = opinion.category, score = opinion.probability,
  }
  copy.stage = "ai"
  copy.opinion = opinion
  copy.confidence = incident.confidence * (1 - entry.weight * doubt_of(opinion))
  return copy
end


return _M
