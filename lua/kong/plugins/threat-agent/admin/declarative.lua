-- A DB-less node's configuration as a whole: read, and replaced.
--
-- /config knows no compare-and-swap, so what was read is compared with what stands just before it
-- is replaced: a change that came in between is not overwritten. A replacement that got no answer may land
-- later, over all that came in between: until it shows, or cannot land any more, no other is sent.

local elapsed = require "kong.plugins.threat-agent.elapsed"
local entities = require "kong.plugins.threat-agent.entities"
local http = require "kong.plugins.threat-agent.admin.http"
local reach = require "kong.plugins.threat-agent.admin.reach"
local yaml = require "kong.plugins.threat-agent.yaml"


local ngx = ngx
local ipairs = ipairs
local pairs = pairs
local pcall = pcall
local type = type


local _M = {}


-- Returns the configuration and its text. client: { settings }; what was sent and not answered in time is kept there, too.
function _M.load(client)
  local status, body, passes = http.request(client.settings, "GET", "/config")
  if not status then
    return nil, body, passes
  end

  local ok, document = pcall(yaml, type(body) == "table" and body.config)
  if status == 404 or not ok or type(document) ~= "table" then
    return nil, "the Admin API at " .. client.settings.url .. " shows no /config", true
  end

  return document, body.config
end


-- Finds an entity of a configuration, and where it stands in its list.
function _M.find(document, kind, id)
  for i, entity in ipairs(document[kind] or {}) do
    if entity.id == id then
      return entity, i
    end
  end
end


-- Whether an entity stands as it was sent, with what Kong adds.
local function holds(entity, sent)
  for name, value in pairs(sent) do
    if name ~= "updated_at" and not entities.holds(entity[name], value) then
      return false
    end
  end

  return true
end


-- Whether a configuration is what was sent.
local function shows(document, sent)
  for kind, list in pairs(sent) do
    local standing = document[kind]
    if type(list) == "table" and (type(standing) ~= "table" or #standing ~= #list) then
      return false
    end
    for _, one in ipairs(type(list) == "table" and list or {}) do
      local entity = _M.find(document, kind, one.id)
      if not entity or not holds(entity, one) then
        return false
      end
    end
  end

  return true
end


-- Whether a replacement that got no answer may land yet.
local function may_land(client, document)
  local lost = client.lost
  if lost and (elapsed(lost.at, reach.LANDS_S, ngx.now()) or shows(document, lost.document)) then
    client.lost = nil
  end

  return client.lost ~= nil
end


-- Replaces the configuration that was read as `text`.
function _M.store(client, document, text)
  local standing, now, passes = _M.load(client)
  if now ~= text then
    return nil, "the configuration was changed meanwhile", passes ~= false
  elseif may_land(client, standing) then
    return nil, "the Admin API did not answer to a configuration in time, and may take it yet", true
  end

  local status, err
  status, err, passes = http.request(client.settings, "POST", "/config", document)
  if passes == reach.UNANSWERED then
    client.lost = { at = ngx.now(), document = document }
  end
  if not status then
    return nil, err, passes
  end

  return true
end


return _M
