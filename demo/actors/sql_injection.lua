-- SQL injection into a search field and into a JSON body.

local cjson = require "cjson.safe"
local encode = require "actors.encode"


local PAYLOADS = {
  "1' OR '1'='1",
  "1 UNION SELECT username, password FROM users--",
  "'; DROP TABLE orders; --",
  "1' AND SLEEP(5)#",
  "' OR 1=1/*",
  "1) OR (SELECT COUNT(*) FROM information_schema.tables) > 0--",
  "admin'--",
  "-1' UNION ALL SELECT NULL,NULL,CONCAT(user(),0x3a,version())-- -",
}


return {
  name = "sql injection",
  kind = "attack",
  expects = "refused by what it carries",
  from = 0.25,
  to = 0.6,
  addresses = { "203.0.113.13" },

  play = function(stage)
    local n = 0
    stage:each_address("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", function(client)
      n = n + 1
      local payload = PAYLOADS[n % #PAYLOADS + 1]
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
  end,
}
