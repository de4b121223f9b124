-- What operators and data planes ask for, from whichever worker heard it to the one that leads. Data planes have a
-- list of their own, so that however much they ask for holds up no operator.

local cjson = require "cjson.safe"


local ngx = ngx


local KEY = "threat-agent:commands"
local MOST = 100

local QUESTIONS = "threat-agent:questions"
local MOST_QUESTIONS = 20

local ANSWERS = "threat-agent:answer:"
-- Units: seconds.
local ANSWER_S = 30
local WAIT_S = 4
local POLL_S = 0.02


local _M = {}


local function push(list, most, item)
  local dict = ngx.shared.kong
  if (dict:llen(list) or 0) >= most then
    return nil, "too many commands wait already"
  end

  local length, err = dict:rpush(list, cjson.encode(item))
  return length and true, err
end


local function pop(list)
  local text = ngx.shared.kong:lpop(list)
  return text and cjson.decode(text)
end


-- Hands an operator's command over: { command, id, by }. Returns true, or nil and an error.
function _M.send(command)
  return push(KEY, MOST, command)
end


-- Takes the next command; nil when there is none.
function _M.take()
  return pop(KEY)
end


-- Takes the next question of a data plane that still waits for its answer: { asked, nonce }. nil when there is none.
function _M.take_question()
  local question
  repeat
    question = pop(QUESTIONS)
  until not question or ngx.now() - question.at_s < WAIT_S

  return question
end


-- Leaves the answer to a question for who waits for it.
function _M.answer(nonce, answer)
  ngx.shared.kong:set(ANSWERS .. nonce, cjson.encode(answer), ANSWER_S)
end


local function wait_for_answer(nonce)
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

  return nil, "the leading worker does not answer"
end


-- Asks what a data plane asks. Returns the leader's answer, or nil and an error.
function _M.ask(asked, nonce)
  local ok, err = push(QUESTIONS, MOST_QUESTIONS, { asked = asked, nonce = nonce, at_s = ngx.now() })
  if not ok then
    return nil, err
  end

  return wait_for_answer(nonce)
end


return _M
