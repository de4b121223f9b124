-- One client that asks far too often, on four connections.

local loop = require "show.loop"


local CONNECTIONS = 4
local PER_S = 75          -- for each connection


return {
  name = "flood",
  kind = "attack",
  expects = "throttled above 500 requests in 10 s",
  from = 0.62,
  to = 0.95,
  addresses = { "203.0.113.19" },

  play = function(stage)
    for _ = 1, CONNECTIONS do
      loop.spawn(function()
        loop.sleep(stage.starts_at - loop.now())
        local client = stage:client(stage.actor.addresses[1], "Mozilla/5.0 (compatible; PriceBot/1.0)")
        while stage:running() do
          stage:send(client, "GET", "/products?page=" .. math.random(5))
          stage:pace(client, PER_S)
        end
        client:close()
      end)
    end
  end,
}
