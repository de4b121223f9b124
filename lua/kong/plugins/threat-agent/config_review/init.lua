-- Finds in a gateway's configuration what is probably not meant: what leads nowhere, what never matches,
-- and what stands open among what is guarded. Pure: from entities to findings.

local orphaned = require "kong.plugins.threat-agent.config_review.orphaned"
local shadowed = require "kong.plugins.threat-agent.config_review.shadowed"
local standing = require "kong.plugins.threat-agent.config_review.standing"
local unauthenticated = require "kong.plugins.threat-agent.config_review.unauthenticated"
local entities = require "kong.plugins.threat-agent.entities"


local ipairs = ipairs
local type = type


-- Entities with this tag are as they are on purpose.
local REVIEWED = "threat-agent:reviewed"


local _M = { KINDS = { "orphaned", "shadowed", "unauthenticated" } }


local Review = {}
Review.__index = Review


function Review.name_of(entity)
  return type(entity.name) == "string" and entity.name or entity.id
end


-- Adds a finding and returns it; nil where people have looked at the entity already.
function Review:add(kind, entity_kind, entity, what)
  if entities.is_tagged(entity, REVIEWED) then
    return nil
  end

  local finding = {
    kind = kind,
    entity = entity_kind,
    id = entity.id,
    name = type(entity.name) == "string" and entity.name or nil,
    workspace = entity.ws_id,
    reason = entity_kind .. " " .. self.name_of(entity) .. " " .. what,
  }
  self.findings[#self.findings + 1] = finding
  return finding
end


-- Whether Kong routes to it: routes of services that are switched off are not in its router.
function Review:is_live(route)
  local service = self.services[standing.id_of(route.service) or ""]
  return not service or service.enabled ~= false
end


local function by_kind_and_name(a, b)
  if a.kind ~= b.kind then
    return a.kind < b.kind
  elseif a.reason ~= b.reason then
    return a.reason < b.reason
  end

  return a.id < b.id
end


-- Lists the findings. all: kind → list of entities as Kong hands them out, each with ws_id; flavour: of
-- Kong's router, nil where it is not known. A finding is { kind, entity, id, name, workspace, reason } and,
-- by kind, { services }, { by } or { compared }.
function _M.find(all, flavour)
  local review = setmetatable({
    entities = all, flavour = flavour, services = {}, standing = standing.new(all.plugins), findings = {},
  }, Review)
  for _, service in ipairs(all.services) do
    review.services[service.id] = service
  end

  orphaned.find(review)
  shadowed.find(review)
  unauthenticated.find(review)
  table.sort(review.findings, by_kind_and_name)
  return review.findings
end


return _M
