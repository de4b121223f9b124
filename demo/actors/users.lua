-- Ordinary people in the shop, some of whom have names, tastes and typing that frighten naive rules.

local cjson = require "cjson.safe"
local encode = require "actors.encode"
local loop = require "show.loop"


local random = math.random


local BROWSERS = {
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
  "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15",
  "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
  "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
  "ShopApp/4.2.1 (Android 14; Pixel 8)",
}

local NAMES = { "alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi" }

local SEARCHES = {
  "lamp", "green chair", "o'brien", "rock 'n' roll", "d'Artagnan", "kettle 1.7l", "50% off",
  "salt & pepper", "chair or table", "select committee", "union square poster", "drop-leaf table",
  "teapot (large)", "caf\195\169", "c++ primer", "<3 umbrella", "who's who", "5'10\" bookshelf",
}

local NOTES = {
  "Please don't ring the bell; the baby's asleep.",
  "From Se\195\161n O'Brien -- with love & thanks, 25/12!",
  "2 or 3 days is fine; select a time between 9 and 5.",
  "It's for \"Mum\". Drop it at number 7, or update me.",
}


local function pick(list)
  return list[random(#list)]
end


local function json(fields)
  return {
    headers = { ["Content-Type"] = "application/json" },
    body = cjson.encode(fields),
  }
end


local function browse(stage, client)
  stage:send(client, "GET", pick({ "/", "/products", "/products?page=" .. random(5), "/products/" .. random(48) }))
end


local function search(stage, client)
  stage:send(client, "GET", "/search?q=" .. encode(pick(SEARCHES)) .. "&page=1&sort=price")
end


local function log_in(stage, client, name)
  if random() < 0.15 then
    stage:send(client, "POST", "/login", json({ username = name, password = name .. "-psas" }))
    stage:pace(client, 2)
  end

  local response
  if random() < 0.5 then
    response = stage:send(client, "POST", "/login", json({ username = name, password = name .. "-pass" }))
  else
    response = stage:send(client, "POST", "/login", {
      headers = { ["Content-Type"] = "application/x-www-form-urlencoded" },
      body = "username=" .. name .. "&password=" .. encode(name .. "-pass"),
    })
  end

  local answer = response and cjson.decode(response.body)
  client.token = type(answer) == "table" and answer.token or nil
end


local function see_profile(stage, client)
  if client.token then
    stage:send(client, "GET", "/profile", { headers = { Authorization = "Bearer " .. client.token } })
  end
end


local function buy(stage, client)
  stage:send(client, "POST", "/cart", json({ product_id = random(48), quantity = random(3), note = pick(NOTES) }))
  stage:pace(client, 2)
  stage:send(client, "GET", "/cart")
end


local function follow_order(stage, client)
  stage:send(client, "GET", "/orders/" .. random(9999))
end


local HABITS = { browse, browse, browse, search, search, search, log_in, see_profile, buy, follow_order }


local addresses = {}
for i = 1, #NAMES do
  addresses[i] = "198.51.100." .. 10 + i
end


return {
  name = "users",
  kind = "legitimate",
  expects = "all of it passes",
  from = 0,
  to = 1,
  addresses = addresses,

  play = function(stage)
    for i, name in ipairs(NAMES) do
      loop.spawn(function()
        local client = stage:client(addresses[i], BROWSERS[i % #BROWSERS + 1])
        loop.sleep(random() * 0.5)
        while stage:running() do
          pick(HABITS)(stage, client, name)
          stage:pace(client, 2)
        end
        client:close()
      end)
    end
  end,
}
