-- Reaching for files outside the shop.

local TARGETS = {
  "/products?file=../../../../etc/passwd",
  "/products?file=..%2f..%2f..%2f..%2fetc%2fpasswd",
  "/products?template=....//....//....//etc/shadow",
  "/search?q=%252e%252e%252f%252e%252e%252fetc%252fpasswd",
  "/products?file=..%5c..%5c..%5cwindows%5cwin.ini",
  "/products?file=/proc/self/environ",
}


return {
  name = "path traversal",
  kind = "attack",
  expects = "refused by what it carries",
  from = 0.42,
  to = 0.7,
  addresses = { "203.0.113.15" },

  play = function(stage)
    local n = 0
    stage:each_address("Go-http-client/1.1", function(client)
      n = n + 1
      stage:send(client, "GET", TARGETS[n % #TARGETS + 1])
      stage:pace(client, 5)
    end)
  end,
}
