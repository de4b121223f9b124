-- A partner's script: welcome, but marked for the shop, because it is a script.

return {
  name = "partner script",
  kind = "legitimate",
  expects = "passes, tagged for the upstream",
  from = 0.03,
  to = 1,
  addresses = { "198.51.100.40" },

  play = function(stage)
    stage:each_address("python-requests/2.32.3", function(client)
      stage:send(client, "GET", "/products?page=" .. math.random(5))
      stage:pace(client, 1)
    end)
  end,
}
