-- What operators ask for, from whichever worker heard it to the one that leads.

local cjson = require "cjson.safe"


local ngx = ngx


local KEY = "threat-agent:commands"
local MOST = 100

local ANSWERS = "threat-agent:answer:"
-- Units: seconds.
local ANSWER_S = 30
local WAIT_S = 4
local POLL_S = 0.02


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


-- Leaves the answer to a command for who waits for it.
function _M.answer(nonce, answer)
  ngx.shared.kong:set(ANSWERS .. nonce, cjson.encode(answer), ANSWER_S)
end


-- Waits for the answer to a command; nil when none comes in time.
function _M.wait_for_answer(nonce)
  local dict = ngx.shared.kong
  local deadline = ngx.now() + WAIT_S
  repeat
    local text = dict:get(ANSWERS .. nonce)
    if text then
      dict:delete(ANSWERS .. nonce)
      return cjson.decode(text)
    end
    ngx.sleep(POLL_S)
    ngx.update_time()
  until ngx.now() >= deadline
end


return _M
