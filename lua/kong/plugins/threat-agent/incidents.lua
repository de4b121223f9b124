-- The incidents that the node knows of, as any worker can read them.

local cjson = require "cjson.safe"
local native = require "kong.plugins.threat-agent.native"


local setmetatable = setmetatable


local _M = {}


-- Lists incidents, the latest change first. Returns nil and an error where there is no engine.
function _M.list()
  local ok, err = native.load()
  if not ok then
    return nil, err
  end

  local list = setmetatable({}, cjson.array_mt)
  local json, sequence = native.next_incident(0)
  while json do
    table.insert(list, 1, cjson.decode(json))
    json, sequence = native.next_incident(sequence)
  end

  return list
end


return _M
