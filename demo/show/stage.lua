-- What an actor works with: clients with addresses of their own, a clock, and a count of what it sent.

local Client = require "show.http"
local loop = require "show.loop"


local random = math.random


local Stage = {}
Stage.__index = Stage


-- Makes the stage of one actor. show: { port, starts_at, seconds }.
function Stage.new(actor, show)
  return setmetatable({
    actor = actor,
    port = show.port,
    starts_at = show.starts_at + actor.from * show.seconds,
    ends_at = show.starts_at + actor.to * show.seconds,
    sent = 0,
    answered = 0,
    lost = 0,
  }, Stage)
end


-- Makes a client that the gateway sees under an address.
function Stage:client(address, user_agent)
  local client = Client.new(self.port, {
    ["X-Forwarded-For"] = address,
    ["User-Agent"] = user_agent,
    ["Accept"] = "*/*",
  })
  client.due = loop.now()
  return client
end


function Stage:running()
  return loop.now() < self.ends_at
end


-- Sends a request and counts it. Returns the response, or nil and an error.
function Stage:send(client, method, target, options)
  self.sent = self.sent + 1
  local response, err = client:request(method, target, options)
  if response then
    self.answered = self.answered + 1
  else
    self.lost = self.lost + 1
    self.lost_why = err
  end

  return response, err
end


-- Waits so that this client sends so many requests a second in the long run, irregularly.
function Stage:pace(client, per_s)
  local now = loop.now()
  client.due = math.max(client.due, now - 1) + (0.5 + random()) / per_s
  if client.due > now then
    loop.sleep(client.due - now)
  end
end


-- Plays f(client) for each of the actor's addresses at the same time, until the act ends.
function Stage:each_address(user_agent, f)
  for _, address in ipairs(self.actor.addresses) do
    loop.spawn(function()
      loop.sleep(self.starts_at - loop.now())
      local client = self:client(address, user_agent)
      while self:running() do
        f(client)
      end
      client:close()
    end)
  end
end


return Stage
