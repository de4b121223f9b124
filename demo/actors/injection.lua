-- What attackers with payloads have in common: each payload in a search field, then in a JSON body.

local cjson = require "cjson.safe"
local encode = require "actors.encode"


-- Gives an actor that sends payloads. options: name, from, to, addresses, user_agent.
return function(options, payloads)
  local actor = {
    name = options.name,
    kind = "attack",
    expects = "refused by what it carries",
    from = options.from,
    to = options.to,
    addresses = options.addresses,
  }

  function actor.play(stage)
    local n = 0
    stage:each_address(options.user_agent, function(client)
      n = n + 1
      local payload = payloads[n % #payloads + 1]
      if n % 2 == 0 then
        stage:send(client, "GET", "/search?q=" .. encode(payload))
      else
        stage:send(client, "POST", "/cart", {
          headers = { ["Content-Type"] = "application/json" },
          body = cjson.encode({ product_id = 7, quantity = 1, note = payload }),
        })
      end
      stage:pace(client, 5)
    end)
  end

  return actor
end
