-- Plays users and attackers against a gateway and shows what it does. Started by run.sh.
--
-- Environment: PROXY_PORT, ADMIN_PORT, REQUEST_LOG (the gateway's file-log), DEMO_SECONDS,
-- GATEWAY_NAME, SCREEN_WIDTH (columns; empty without a terminal).

package.path = arg[0]:gsub("[^/]*$", "") .. "?.lua;" .. arg[0]:gsub("[^/]*$", "") .. "?/init.lua;" .. package.path


local cjson = require "cjson.safe"
local actors = require "actors"
local Client = require "show.http"
local loop = require "show.loop"
local Screen = require "show.screen"
local Stage = require "show.stage"
local summary = require "show.summary"
local Watch = require "show.watch"


local MIN_SECONDS = 10
local SETTLE_S = 3


local function setting(name)
  local value = os.getenv(name)
  return value ~= "" and value or nil
end


local function number(name)
  local value = tonumber(setting(name))
  return value or error(name .. " must be a number", 0)
end


local show = {
  port = number("PROXY_PORT"),
  seconds = math.max(MIN_SECONDS, number("DEMO_SECONDS")),
  gateway = setting("GATEWAY_NAME") or "gateway",
  starts_at = loop.now(),
  elapsed_s = 0,
  actors = actors,
  stages = {},
  incidents = {},
}
show.ends_at = show.starts_at + show.seconds
show.watch = Watch.new(setting("REQUEST_LOG"), actors)


local function total_answered()
  local total = 0
  for _, stage in pairs(show.stages) do
    total = total + stage.answered
  end

  return total
end


local function ask(client, path)
  local response = client:request("GET", path)
  return response and response.status == 200 and cjson.decode(response.body) or nil
end


local function ask_node(client)
  show.node = ask(client, "/threat-agent/status") or show.node
end


local function follow()
  local screen = Screen.new(tonumber(setting("SCREEN_WIDTH")))
  local admin = Client.new(number("ADMIN_PORT"))
  while loop.now() < show.ends_at do
    ask_node(admin)
    show.watch:read()
    show.elapsed_s = loop.now() - show.starts_at
    screen:draw(show)
    loop.sleep(math.min(screen.interval_s, math.max(0, show.ends_at - loop.now())))
  end

  -- The last answers, and their lines in the log.
  local settled_at = loop.now() + SETTLE_S
  repeat
    loop.sleep(0.1)
    show.watch:read()
  until loop.now() > settled_at or show.watch:seen() >= total_answered()

  ask_node(admin)
  local incidents = ask(admin, "/threat-agent/incidents")
  show.incidents = incidents and incidents.data or {}
  admin:close()
  show.elapsed_s = show.seconds
  screen:draw(show)
end


math.randomseed(tonumber(setting("DEMO_SEED")) or os.time())

for _, actor in ipairs(actors) do
  local stage = Stage.new(actor, show)
  show.stages[actor.name] = stage
  actor.play(stage)
end

loop.spawn(follow)
loop.run()

os.exit(summary.print(show) and 0 or 1)
