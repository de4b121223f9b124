-- What operators ask for, from whichever worker heard it to the one that leads.

local cjson = require "cjson.safe"


local ngx = ngx


local KEY = "threat-agent:commands"
local MOST = 100


local _M = {}


-- Hands a command over: { command, id, by }. Returns true, or nil and an error.
function _M.send(command)
  local dict = ngx.shared.kong
  if (dict:llen(KEY) or 0) >= MOST then
    return nil, "too many commands wait already"
  end

  local length, err = dict:rpush(KEY, cjson.encode(command))
  return length and true, err
end


-- Takes the next command; nil when there is none.
function _M.take()
  local text = ngx.shared.kong:lpop(KEY)
  return text and cjson.decode(text)
end


return _M
