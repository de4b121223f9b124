-- The four things that an action can come down to, each of which can be done twice as well as
-- once, and taken back:
--   ban      a client is refused in memory
--   create   an entity of the agent's own, under an id that follows from the action's
--   patch    fields of somebody's entity, with the values that stood there before
--   insert   a value of the agent's own in a list of somebody's plugin
--
-- Each returns true; or nil, an error, whether another try may succeed, and whether what stands there is by now
-- somebody else's.

local entities = require "kong.plugins.threat-agent.entities"
local insertion = require "kong.plugins.threat-agent.agent.insertion"
local measures = require "kong.plugins.threat-agent.agent.measures"


local ipairs = ipairs


-- What everything carries that the agent makes.
local TAG = "threat-agent"


-- What is somebody else's is left as it is: `what` happened to it.
local function foreign(change, what)
  return nil, change.kind .. "/" .. change.id .. " " .. what, false, true
end


local function change_fields(change, client, from, to)
  local entity, err, passes = client:get(change.kind, change.id)
  if entity == nil then
    return nil, err, passes
  elseif entity == false then
    return foreign(change, "is gone")
  elseif entities.holds(entity, to) then
    return true
  elseif not entities.holds(entity, from) then
    return foreign(change, "was changed by someone else and is left as it is")
  end

  local changed
  changed, err, passes = client:patch(change.kind, change.id, to)
  if changed == false then
    return foreign(change, "is gone")
  end

  -- Kong may keep what it was not told to leave.
  if type(changed) == "table" and not entities.holds(changed, to) then
    return nil, change.kind .. "/" .. change.id .. " did not become what it was set to", false
  end

  return changed and true, err, passes
end


-- Whether what stands under a change's id is what it made. What was put back for somebody is that as long as it is as it
-- was put; what the agent made for itself as long as it is marked so.
local function is_ours(change, entity)
  if change.restored then
    return entities.holds(entity, change.entity)
  end

  return entities.is_tagged(entity, TAG)
end


-- The entity of a change; false when it is gone, nil where that cannot be said.
local function is_there(change, client)
  return (client:get(change.kind, change.id))
end


local OPERATIONS = {
  ban = {
    apply = function(change)
      return measures.put(change.ban)
    end,
    revert = function(change)
      return measures.lift(change.ban)
    end,
    stands = function()
      return true
    end,
  },

  create = {
    apply = function(change, client)
      local entity, err, passes = client:get(change.kind, change.id)
      if entity == nil then
        return nil, err, passes
      elseif entity and is_ours(change, entity) then
        return true
      elseif entity then
        return foreign(change, "is someone else's and is left as it is")
      end

      local made
      made, err, passes = client:put(change.kind, change.id, change.entity)
      return made and true, err, passes
    end,
    revert = function(change, client)
      local entity, err, passes = client:get(change.kind, change.id)
      if entity == nil then
        return nil, err, passes
      elseif entity == false then
        return true
      elseif not is_ours(change, entity) then
        return foreign(change, "was taken over by someone else and is left as it is")
      end

      return client:delete(change.kind, change.id)
    end,
    stands = function(change, client)
      local entity = is_there(change, client)
      return entity and entities.holds(entity, change.entity)
    end,
  },

  insert = insertion,

  patch = {
    apply = function(change, client)
      return change_fields(change, client, change.before, change.set)
    end,
    revert = function(change, client)
      return change_fields(change, client, change.set, change.before)
    end,
    stands = function(change, client)
      local entity = is_there(change, client)
      return entity and entities.holds(entity, change.set)
    end,
  },
}


local _M = {}


-- Whether a change needs the Admin API.
function _M.is_remote(change)
  return change.op ~= "ban"
end


function _M.apply(change, client)
  return OPERATIONS[change.op].apply(change, client)
end


function _M.revert(change, client)
  return OPERATIONS[change.op].revert(change, client)
end


-- Writes into what a change makes when its time is over, for whoever is left to take it away (agent/sweeper.lua).
function _M.stamp(change, expires_s)
  if change.op ~= "create" or change.restored then
    return
  end

  local tags = {}
  for _, tag in ipairs(change.entity.tags or {}) do
    if not tag:find("^expires:") then
      tags[#tags + 1] = tag
    end
  end
  tags[#tags + 1] = "expires:" .. expires_s
  change.entity.tags = tags
end


-- Tells whether a change stands as it was applied. nil where that cannot be said now.
function _M.stands(change, client)
  local stands = OPERATIONS[change.op].stands(change, client)
  return stands and true or stands
end


return _M
