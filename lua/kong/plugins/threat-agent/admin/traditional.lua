-- Entities behind an Admin API that takes them one by one: traditional nodes and control planes.

local http = require "kong.plugins.threat-agent.admin.http"


local ipairs = ipairs
local setmetatable = setmetatable
local type = type


-- Pages of a list: a list that never ends is none.
local MOST_PAGES = 100


local Client = {}
Client.__index = Client


local function path_of(self, kind, id)
  return self.prefix .. "/" .. kind .. (id and "/" .. id or "")
end


-- The entities of a page. Returns nil, an error and whether it may pass where the answer is none.
local function data_of(body)
  if type(body) ~= "table" or type(body.data) ~= "table" then
    return nil, "the Admin API answered without a list", true
  end

  return body.data
end


-- What is to be there, and is not: a workspace or control plane, or what an entity is to belong to.
local function not_there(path)
  return nil, "the Admin API answered 404 to " .. path .. ": what it belongs to is gone, or is looked for in the wrong place", false
end


-- Reads an entity. Returns false when there is none; nil, an error and whether it may pass.
function Client:get(kind, id)
  local status, body, passes = http.request(self.settings, "GET", path_of(self, kind, id))
  if not status then
    return nil, body, passes
  end

  return status ~= 404 and body
end


local function write(self, method, path, entity)
  local status, body, passes = http.request(self.settings, method, path, entity)
  if not status then
    return nil, body, passes
  elseif status ~= 404 then
    return body or true
  end

  return not_there(path)
end


-- Makes an entity under an id, or sets it anew: the same call twice is one.
local function upsert(self, kind, id, entity)
  return write(self, "PUT", path_of(self, kind, id), entity)
end


-- The same; but a target, which Kong makes in its upstream's list only, must not be there yet.
function Client:put(kind, id, entity)
  if kind:find("/targets", 1, true) then
    return write(self, "POST", path_of(self, kind), entity)
  end

  return upsert(self, kind, id, entity)
end


-- Sets fields of an entity. Returns false when there is no such entity.
function Client:patch(kind, id, fields)
  local status, body, passes = http.request(self.settings, "PATCH", path_of(self, kind, id), fields)
  if not status then
    return nil, body, passes
  end

  return status ~= 404 and (body or true)
end


-- Deletes an entity; one that is gone is no error.
function Client:delete(kind, id)
  local status, err, passes = http.request(self.settings, "DELETE", path_of(self, kind, id))
  if not status then
    return nil, err, passes
  end

  return true
end


-- Lists the entities of a kind that carry a tag. Returns false where the kind is not known: the plugin that brings it is
-- not loaded.
function Client:tagged(kind, tag)
  local found, path = {}, path_of(self, kind) .. "?tags=" .. tag
  for _ = 1, MOST_PAGES do
    local status, body, passes = http.request(self.settings, "GET", path)
    if not status then
      return nil, body, passes
    elseif status == 404 then
      return false
    end

    local data, err, may_pass = data_of(body)
    if not data then
      return nil, err, may_pass
    end

    for _, entity in ipairs(data) do
      found[#found + 1] = entity
    end
    path = type(body.next) == "string" and body.next or nil
    -- Kong leaves the workspace out of it.
    if path and self.prefix ~= "" and path:sub(1, #self.prefix + 1) ~= self.prefix .. "/" then
      path = self.prefix .. path
    end
    if not path then
      return found
    end
  end

  return nil, "the Admin API's list of " .. kind .. " does not end", false
end


-- Reads a list that fits one page.
local function whole_page(self, path)
  local status, body, passes = http.request(self.settings, "GET", path .. "?size=1000")
  if not status then
    return nil, body, passes
  elseif status == 404 then
    return not_there(path)
  end

  return data_of(body)
end


-- The plugins of a scope: kind "routes", "services" or "consumers", and its id.
function Client:plugins_of(kind, id)
  return whole_page(self, path_of(self, kind, id) .. "/plugins")
end


-- A consumer's groups: { group } each.
function Client:groups_of(consumer)
  return whole_page(self, path_of(self, "consumers", consumer) .. "/acls")
end


-- The targets of the upstream of a name. Returns false when there is no such upstream.
function Client:targets_of(upstream)
  local status, body, passes = http.request(self.settings, "GET", path_of(self, "upstreams", upstream) .. "/targets?size=1000")
  if not status then
    return nil, body, passes
  end

  if status == 404 then
    return false
  end

  return data_of(body)
end


-- The kind that a target of an upstream is reached by.
function Client.targets_kind(_, upstream)
  return "upstreams/" .. upstream .. "/targets"
end


local function new(settings, prefix)
  return setmetatable({ settings = settings, prefix = prefix, tier = "admin_api" }, Client)
end


-- What only looks at entities, one after the other.
function Client:looker()
  return self
end


-- The same for the entities of a workspace. name: nil for the default one.
function Client:within(name)
  return new(self.settings, name and "/" .. name or "")
end


local _M = { CLIENT = Client, data_of = data_of, not_there = not_there, upsert = upsert }


-- settings: as http.request takes them.
function _M.new(settings)
  return new(settings, "")
end


return _M
