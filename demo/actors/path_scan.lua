-- A scanner that calls itself a browser, and is told by what it does not find.

local WORDS = { "admin", "old", "test", "backup", "api", "private", "dev", "staging", "internal", "config" }
local ENDINGS = { "", ".php", ".bak", ".zip", "/" }


return {
  name = "path scan",
  kind = "attack",
  expects = "suspected after 20 pages that do not exist",
  from = 0.15,
  to = 0.5,
  addresses = { "203.0.113.12" },

  play = function(stage)
    local n = 0
    stage:each_address("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36", function(client)
      n = n + 1
      stage:send(client, "GET", "/" .. WORDS[n % #WORDS + 1] .. n .. ENDINGS[n % #ENDINGS + 1])
      stage:pace(client, 20)
    end)
  end,
}
