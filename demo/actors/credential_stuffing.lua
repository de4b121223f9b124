-- Leaked names and passwords tried at the login, from three addresses.

local cjson = require "cjson.safe"


return {
  name = "stuffing",
  kind = "attack",
  expects = "suspected after failures on several accounts",
  from = 0.5,
  to = 0.85,
  addresses = { "203.0.113.16", "203.0.113.17", "203.0.113.18" },

  play = function(stage)
    local n = 0
    stage:each_address("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0", function(client)
      n = n + 1
      stage:send(client, "POST", "/login", {
        headers = { ["Content-Type"] = "application/json" },
        body = cjson.encode({ username = "user" .. n .. "@example.net", password = "letmein" .. n }),
      })
      stage:pace(client, 5)
    end)
  end,
}
