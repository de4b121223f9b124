-- What a data plane's question to its companion says, read as what somebody wrote who may have taken it over.

local redact = require "kong.plugins.threat-agent.redact"


local ngx = ngx
local ipairs = ipairs
local max = math.max
local min = math.min
local type = type


local MOST_CLIENTS = 256
local MOST_TEXT = 256
-- An incident, a policy (64) and a number.
local MOST_ID = 160
local MOST_PER_MINUTE = 1000000
local MOST_TIME_S = 1e12
local SENDERS = { client_ip = true, network = true, consumer = true, credential = true, session = true }


local _M = {}


local function text(value)
  return type(value) == "string" and redact.text(value:sub(1, MOST_TEXT)) or ""
end

_M.text = text


local function number(value)
  return type(value) == "number" and value == value and value or nil
end

_M.number = number


local function whole(value, most)
  return type(value) == "number" and value >= 1 and value <= most and value % 1 == 0
end


-- The name under which this node keeps what another node asked for: that node's, its name for it, and when it was
-- decided, because a node that has lost its files may give a name again.
function _M.id(asked)
  if type(asked.node) ~= "string" or not asked.node:match("^[%x%-]+$") or #asked.node ~= 36
     or type(asked.id) ~= "string" or not asked.id:match("^[%w%-_%.]+$") or #asked.id > MOST_ID
     or not whole(asked.created_s, MOST_TIME_S)
  then
    return nil
  end

  return ("%s-%s-%d"):format(asked.node, asked.id, asked.created_s)
end


-- The limit that the asking node has learned, and not less than `least`. Returns nil where it tells none; nil and an
-- error where it is no limit.
function _M.per_minute(asked, least)
  if asked.per_minute == nil then
    return nil
  elseif not whole(asked.per_minute, MOST_PER_MINUTE) then
    return nil, "expected per_minute: a whole number from 1 to " .. MOST_PER_MINUTE
  end

  return max(least, asked.per_minute)
end


-- Reads an entity that a question names. Returns the entity; or nil, an error, and whether it may pass.
local function named(api, kind, id)
  if type(id) ~= "string" or not id:match("^[%x%-]+$") then
    return nil, "expected the id of one of the " .. kind, false
  end

  local entity, err, passes = api:get(kind, id)
  if entity == nil then
    return nil, err, passes
  end

  return entity or nil, "there is no such entity in " .. kind, false
end


local function place_told(asked)
  return type(asked.place) == "table" and asked.place or {}
end


-- The id of the workspace that a question is about; "" for the default one.
function _M.workspace(asked)
  return text(place_told(asked).workspace)
end


-- The place by this node's own names: protected ones may be among them.
function _M.place(asked, api)
  local told = place_told(asked)
  local place = { workspace = _M.workspace(asked), route = "", service = "" }
  local service = told.service
  local entity, err, passes
  if told.route and told.route ~= "" then
    entity, err, passes = named(api, "routes", told.route)
    if not entity then
      return nil, err, passes
    end
    place.route, place.route_name = entity.id, type(entity.name) == "string" and entity.name or nil
    service = type(entity.service) == "table" and entity.service.id or ""
  end
  if service and service ~= "" then
    entity, err, passes = named(api, "services", service)
    if not entity then
      return nil, err, passes
    end
    place.service, place.service_name = entity.id, type(entity.name) == "string" and entity.name or nil
  end

  return place
end


-- What planning needs of the incident. Who is named was suspected enough there.
function _M.incident(asked, place)
  local incident = {
    id = text(asked.incident),
    category = text(asked.category),
    severity = "critical",
    confidence = 1,
    opened_s = min(number(asked.opened_s) or ngx.time(), ngx.time()),
    route = place.route,
    route_name = place.route_name,
    service = place.service,
    service_name = place.service_name,
    top_clients = {},
    top_senders = {},
  }
  local by = SENDERS[asked.by] and asked.by
  for i, client in ipairs(by and type(asked.clients) == "table" and asked.clients or {}) do
    if i > MOST_CLIENTS or type(client) ~= "string" or #client > 64 or not client:match("^[%x%-:./]+$") then
      break
    elseif by == "client_ip" or by == "network" then
      incident.top_clients[i] = { client = client, suspicion = "high" }
    else
      incident.top_senders[i] = { by = by, id = client, suspicion = "high" }
    end
  end

  return incident
end


return _M
