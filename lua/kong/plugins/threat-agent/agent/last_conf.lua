-- The platform's configuration on disk, for a leader that finds no instance any more after a restart: what was done by
-- it is to be ended by it. References to a vault are kept, secrets are not.

local cjson = require "cjson.safe"
local files = require "kong.plugins.threat-agent.files"
local journal = require "kong.plugins.threat-agent.agent.journal"
local redact = require "kong.plugins.threat-agent.redact"
local settings = require "kong.plugins.threat-agent.settings"


local ipairs = ipairs
local next = next
local type = type


-- Where Kong keeps the references of a record.
local REFERENCES = "$refs"


local _M = {}


local kept      -- the conf that was written last


local function without_secrets(value)
  local copy, references = {}, value[REFERENCES] or {}
  for name, item in next, value do
    if references[name] then
      copy[name] = references[name]
    elseif type(item) == "table" and name ~= REFERENCES then
      copy[name] = without_secrets(item)
    elseif type(item) ~= "table" and not (type(item) == "string" and redact.is_secret(name)) then
      copy[name] = item
    end
  end

  return copy
end


-- Writes down the conf that holds, where it is another. Returns true, or nil and an error.
function _M.keep(conf)
  if not conf or conf == kept then
    return true
  end

  local text = cjson.encode({
    mode = conf.mode,
    response = without_secrets(conf.response),
    store = conf.store and without_secrets(conf.store),
  })
  local ok, err = files.save(files.CONF, text)
  kept = ok and conf or kept
  return ok, err
end


-- Takes up the conf that was written last, where something stands that was done by it.
function _M.recall()
  for _, record in ipairs(journal.all()) do
    if not journal.is_ended(record) then
      settings.recall(files.load(files.CONF))
      return
    end
  end
end


return _M
