-- What operators and data planes ask for, from whichever worker heard it to the one that leads. What operators ask for
-- waits in files, one for each, so that no reload, restart or death of a leader loses it; what data planes ask for in a
-- dictionary, because they do not wait for long and ask again. However much those ask for holds up no operator.

local cjson = require "cjson.safe"
local elapsed = require "kong.plugins.threat-agent.elapsed"
local files = require "kong.plugins.threat-agent.files"


local ngx = ngx
local ipairs = ipairs
local type = type


-- When it was asked for, by which worker, and its how manieth it was: names in the order of time.
local NAME = "command-%014.3f-%d-%06d.json"
local PATTERN = "^command%-[%d.]+%-%d+%-%d+%.json$"
local MOST = 100

local QUESTIONS = "threat-agent:questions"
local MOST_QUESTIONS = 20

local ANSWERS = "threat-agent:answer:"
-- Units: seconds.
local ANSWER_S = 30
local WAIT_S = 4
local POLL_S = 0.02


local _M = {}


local sent = 0
local taken = {}     -- names of the commands that this worker took


-- Hands an operator's command over: { command, id, by }. Returns true, or nil and an error.
function _M.send(command)
  local names, err = files.list(PATTERN)
  if not names then
    return nil, err
  elseif #names >= MOST then
    return nil, "too many commands wait already"
  end

  sent = sent + 1
  return files.save(NAME:format(ngx.now(), ngx.worker.pid(), sent), cjson.encode(command))
end


-- Takes the next command, and the name to call it done by; nil when there is none. One that no leader lived to call done
-- the next leader takes again.
function _M.take()
  for _, name in ipairs(files.list(PATTERN) or {}) do
    local command = not taken[name] and cjson.decode(files.load(name) or "")
    taken[name] = true
    if type(command) == "table" then
      return command, name
    end
  end
end


-- Forgets a command that was done.
function _M.done(name)
  if files.remove(name) then
    taken[name] = nil
  end
end


-- Takes the next question of a data plane that still waits for its answer: { asked, nonce }. nil when there is none.
function _M.take_question()
  local question
  repeat
    local text = ngx.shared.kong:lpop(QUESTIONS)
    question = text and cjson.decode(text)
  until not question or not elapsed(question.at_s, WAIT_S, ngx.now())

  return question
end


-- Leaves the answer to a question for who waits for it.
function _M.answer(nonce, answer)
  ngx.shared.kong:set(ANSWERS .. nonce, cjson.encode(answer), ANSWER_S)
end


local function wait_for_answer(nonce)
  local dict = ngx.shared.kong
  local since = ngx.now()
  repeat
    local text = dict:get(ANSWERS .. nonce)
    if text then
      dict:delete(ANSWERS .. nonce)
      return cjson.decode(text)
    end
    ngx.sleep(POLL_S)
    ngx.update_time()
  until elapsed(since, WAIT_S, ngx.now())

  return nil, "the leading worker does not answer"
end


-- Asks what a data plane asks. Returns the leader's answer, or nil and an error.
function _M.ask(asked, nonce)
  local dict = ngx.shared.kong
  if (dict:llen(QUESTIONS) or 0) >= MOST_QUESTIONS then
    return nil, "too many questions wait already"
  end

  local length, err = dict:rpush(QUESTIONS, cjson.encode({ asked = asked, nonce = nonce, at_s = ngx.now() }))
  if not length then
    return nil, err
  end

  return wait_for_answer(nonce)
end


return _M
