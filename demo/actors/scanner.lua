-- A vulnerability scanner that says who it is.

local PATHS = {
  "/phpmyadmin/index.php", "/.git/config", "/.env", "/wp-login.php", "/server-status", "/backup.zip",
  "/admin/", "/cgi-bin/test.cgi", "/console/", "/actuator/env", "/.svn/entries", "/web.config",
}


return {
  name = "scanner",
  kind = "attack",
  expects = "refused by its user agent, from the first request",
  from = 0.08,
  to = 0.35,
  addresses = { "203.0.113.11" },

  play = function(stage)
    local n = 0
    stage:each_address("Mozilla/5.00 (Nikto/2.5.0) (Evasions:None) (Test:Port Check)", function(client)
      n = n + 1
      stage:send(client, "GET", PATHS[n % #PATHS + 1])
      stage:pace(client, 10)
    end)
  end,
}
