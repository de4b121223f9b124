-- What must not leave the node in a text.


require "spec.support.plugin"


local redact = require "kong.plugins.threat-agent.redact"


local MASKED = {
  { "password=hunter2", "password=[redacted]" },
  { "login with Password: hunter2, twice", "login with Password: [redacted], twice" },
  { '{"api_key":"abc","page":"2"}', '{"api_key":"[redacted]","page":"2"}' },
  { "/reset?token=abc&page=2", "/reset?token=[redacted]&page=2" },
  { "Cookie: a1b2c3", "Cookie: [redacted]" },
  { "Bearer abc.def-123", "Bearer [redacted]" },
  { "Basic dXNlcjpwYXNz", "Basic [redacted]" },
  { "saw eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln here", "saw [redacted] here" },
  { "to https://ops:hunter2@logs.test:8443/in, in vain", "to https://[redacted]@logs.test:8443/in, in vain" },
  { "card 4111 1111 1111 1111 used", "card [redacted] used" },
  { "card 4111111111111111", "card [redacted]" },
  { "to DE89370400440532013000 today", "to [redacted] today" },
}

local KEPT = {
  "one client failed on 6 accounts within 20 minutes (line 6)",
  "Credential stuffing on route login: 3 clients fail to log in to many accounts",
  "Credential stuffing on route token: 3 clients failed to log in to many accounts",
  "rate=120 line=80",
  "hash 7a41111111111111111b and 4111111111111111f",
  "order 4111111111111112 is no card",
  "The credential of consumer 5f3e0f4c-0000-4d7b-9f0a-1234567890ab is used from many networks at once",
  "at 1700000000 on 192.0.2.10",
  "https://shop.test/users/ann@shop.test?from=bob@shop.test",
}


describe("redaction", function()
  for _, case in ipairs(MASKED) do
    it("masks " .. case[1], function()
      assert.equal(case[2], redact.text(case[1]))
    end)
  end

  for _, text in ipairs(KEPT) do
    it("keeps " .. text, function()
      assert.equal(text, redact.text(text))
    end)
  end

  it("masks the operator's own names", function()
    assert.equal("passport=[redacted]", redact.text("passport=X1", { "Passport" }))
    assert.equal("passport=X1", redact.text("passport=X1"))
  end)
end)
