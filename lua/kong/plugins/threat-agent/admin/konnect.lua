-- Entities of a Konnect control plane, by its configuration API:
-- https://<region>.api.konghq.com/v2/control-planes/<id>/core-entities/…
--
-- Source: Kong's published OpenAPI document of that API. Where it differs from the Admin API: there is no
-- PATCH, so that an entity is read, changed and put back whole; lists go on by `offset`; an acl's group is
-- written below its consumer.

local entities = require "kong.plugins.threat-agent.entities"
local http = require "kong.plugins.threat-agent.admin.http"
local traditional = require "kong.plugins.threat-agent.admin.traditional"


local ngx = ngx
local ipairs = ipairs
local type = type


local PAGE = 1000
-- Pages of a list: a list that never ends is none.
local MOST_PAGES = 100


local Client = {}
Client.__index = Client


-- Reads a whole list. Returns false when what it belongs to is gone; nil, an error and whether it may pass.
local function list(self, path)
  local found, offset = {}, nil
  for _ = 1, MOST_PAGES do
    local query = (path:find("?", 1, true) and "&" or "?") .. "size=" .. PAGE
                  .. (offset and "&offset=" .. ngx.escape_uri(offset) or "")
    local status, body, passes = http.request(self.settings, "GET", self.prefix .. path .. query)
    if not status then
      return nil, body, passes
    elseif status == 404 then
      return false
    end

    local data, err, may_pass = traditional.data_of(body)
    if not data then
      return nil, err, may_pass
    end

    for _, entity in ipairs(data) do
      found[#found + 1] = entity
    end
    offset = type(body.offset) == "string" and body.offset or nil
    if not offset then
      return found
    end
  end

  return nil, "Konnect's list of " .. path .. " does not end", false
end


local function list_of_some(self, path)
  local found, err, passes = list(self, path)
  if found == false then
    return traditional.not_there(path)
  end

  return found, err, passes
end


-- Where an entity is written; read it is where it is listed.
local function writable(kind, entity)
  if kind == "acls" then
    return "consumers/" .. entity.consumer.id .. "/acls"
  end

  return kind
end


function Client:put(kind, id, entity)
  return traditional.upsert(self, writable(kind, entity), id, entity)
end


function Client:get(kind, id)
  return self.plain.get(self, kind, id)
end


-- Sets fields of an entity. Returns false when there is no such entity.
function Client:patch(kind, id, fields)
  local entity, err, passes = self:get(kind, id)
  if not entity then
    return entity, err, passes
  end

  entities.merge(entity, fields)
  entity.updated_at = nil

  return self:put(kind, id, entity)
end


-- Deletes an entity; one that is gone is no error.
function Client:delete(kind, id)
  if kind ~= "acls" then
    return self.plain.delete(self, kind, id)
  end

  local entity, err, passes = self:get(kind, id)
  if not entity then
    return entity == false or nil, err, passes
  end

  return self.plain.delete(self, writable(kind, entity), id)
end


function Client:tagged(kind, tag)
  return list(self, "/" .. kind .. "?tags=" .. tag)
end


function Client:plugins_of(kind, id)
  return list_of_some(self, "/" .. kind .. "/" .. id .. "/plugins")
end


function Client:groups_of(consumer)
  return list_of_some(self, "/consumers/" .. consumer .. "/acls")
end


function Client:targets_of(upstream)
  return list(self, "/upstreams/" .. upstream .. "/targets")
end


function Client.targets_kind(_, upstream)
  return "upstreams/" .. upstream .. "/targets"
end


-- Whether there is such a control plane. Returns true; or nil, an error and whether that may pass.
function Client:is_there()
  local status, body, passes = http.request(self.settings, "GET", self.prefix .. "/services?size=1")
  if not status then
    return nil, body, passes
  elseif status == 404 then
    return nil, "there is no control plane " .. self.settings.control_plane_id .. " at " .. self.settings.url, true
  end

  return true
end


-- What only looks at entities, one after the other.
function Client:looker()
  return self
end


-- The same for the entities of a workspace: a control plane of Konnect has none.
function Client:within()
  return self
end


local _M = {}


-- settings: as http.request takes them, with `control_plane_id`.
function _M.new(settings)
  return setmetatable({
    settings = settings,
    prefix = "/v2/control-planes/" .. settings.control_plane_id .. "/core-entities",
    plain = traditional.CLIENT,
    tier = "konnect",
  }, Client)
end


return _M
