-- A small shop to stand behind the gateway: pages, a login, a cart, orders, and
-- an echo that tells what reached the upstream.
--
--   GET  /                     the front page (HTML)
--   GET  /products?q=&page=    a list, ten to a page
--   GET  /products/{id}        one product, ids 1 to 48
--   GET  /search?q=            products whose name contains q
--   POST /login                JSON or form: 200 {"token"} or 401
--   GET  /profile              needs "Authorization: Bearer <token>"
--   GET  /cart, POST /cart     POST takes {"product_id", "quantity"}
--   GET  /orders/{id}          orders 1 to 9999
--   ANY  /status/{code}        answers with that status
--   ANY  /delay/{ms}           answers after that many milliseconds
--   ANY  /echo                 the request as the shop saw it
--
-- The users are the names below; each one's password is the name with "-pass".


local cjson = require "cjson.safe"


local USERS = {
  "alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi",
  "ivan", "judy", "mallory", "niaj", "olivia", "peggy", "rupert", "sybil",
}
local ADJECTIVES = { "small", "large", "green", "quiet", "folding", "woollen" }
local NOUNS = { "lamp", "chair", "kettle", "blanket", "bookshelf", "bicycle", "teapot", "umbrella" }
local PAGE_SIZE = 10
local ECHO_BYTES = 4096
local MAX_DELAY_MS = 60000


local passwords = {}
for _, name in ipairs(USERS) do
  passwords[name] = name .. "-pass"
end

local products = {}
for _, adjective in ipairs(ADJECTIVES) do
  for _, noun in ipairs(NOUNS) do
    local id = #products + 1
    products[id] = { id = id, name = adjective .. " " .. noun, price = 5 + (id * 37) % 200 }
  end
end


local function answer(status, body)
  ngx.status = status
  ngx.header["Content-Type"] = "application/json"
  ngx.say(cjson.encode(body))
end


-- Gives the body whole, from memory or from the file that nginx spilled it to.
local function read_body()
  ngx.req.read_body()
  local body = ngx.req.get_body_data()
  if body then
    return body
  end

  local path = ngx.req.get_body_file()
  if not path then
    return ""
  end

  local file = io.open(path, "rb")
  body = file:read("*a")
  file:close()
  return body
end


-- Reads a JSON or form body; nil when it is neither.
local function read_fields()
  local content_type = ngx.var.content_type or ""
  if content_type:find("application/json", 1, true) then
    local fields = cjson.decode(read_body())
    return type(fields) == "table" and fields or nil
  end

  if content_type:find("application/x-www-form-urlencoded", 1, true) then
    return ngx.decode_args(read_body(), 100)
  end
end


-- Maps each byte to the character of the same number, so that any bytes make valid JSON.
local function as_text(bytes)
  return (bytes:gsub("[\128-\255]", function(byte)
    local code = byte:byte()
    return string.char(0xC0 + math.floor(code / 64), 0x80 + code % 64)
  end))
end


local function list(found, page)
  local items = {}
  for i = (page - 1) * PAGE_SIZE + 1, math.min(page * PAGE_SIZE, #found) do
    items[#items + 1] = found[i]
  end

  return { total = #found, page = page, count = #items, items = items[1] and items or nil }
end


local function find_products(needle)
  needle = type(needle) == "string" and needle:lower() or ""
  local found = {}
  for _, product in ipairs(products) do
    if product.name:find(needle, 1, true) then
      found[#found + 1] = product
    end
  end

  return found
end


local exact = {}


exact["/"] = function()
  ngx.header["Content-Type"] = "text/html"
  ngx.say("<!doctype html><title>The shop</title><h1>The shop</h1>",
          "<p>", #products, " things to buy: <a href=\"/products\">see them</a>.</p>")
end


exact["/products"] = function()
  local args = ngx.req.get_uri_args()
  local page = math.max(1, math.floor(tonumber(args.page) or 1))
  answer(200, list(find_products(args.q), page))
end


exact["/search"] = function()
  answer(200, list(find_products(ngx.req.get_uri_args().q), 1))
end


exact["/login"] = function()
  if ngx.req.get_method() ~= "POST" then
    return answer(405, { message = "use POST" })
  end

  local fields = read_fields()
  local username = fields and (fields.username or fields.user)
  local password = fields and fields.password
  if type(username) ~= "string" or type(password) ~= "string" then
    return answer(400, { message = "username and password are needed" })
  end

  if passwords[username] ~= password then
    return answer(401, { message = "wrong username or password" })
  end

  answer(200, { token = ngx.encode_base64(username .. ":" .. ngx.md5(username .. password)) })
end


exact["/profile"] = function()
  local token = (ngx.var.http_authorization or ""):match("^[Bb]earer%s+(%S+)$")
  local username = token and (ngx.decode_base64(token) or ""):match("^(%w+):")
  if not username or not passwords[username] then
    return answer(401, { message = "log in first" })
  end

  answer(200, { username = username, email = username .. "@example.com" })
end


exact["/cart"] = function()
  if ngx.req.get_method() ~= "POST" then
    return answer(200, { count = 0 })
  end

  local fields = read_fields()
  local product = fields and products[tonumber(fields.product_id)]
  if not product then
    return answer(400, { message = "product_id must name a product" })
  end

  answer(201, { product = product, quantity = tonumber(fields.quantity) or 1 })
end


exact["/echo"] = function()
  local body = read_body()
  local headers = {}
  for name, value in pairs(ngx.req.get_headers(0)) do
    if type(value) == "table" then
      value = table.concat(value, ", ")
    end
    headers[name] = as_text(tostring(value))
  end

  answer(200, {
    method = ngx.req.get_method(),
    uri = as_text(ngx.var.request_uri),
    headers = headers,
    body_length = #body,
    body = as_text(body:sub(1, ECHO_BYTES)),
  })
end


local numbered = {}


function numbered.products(id)
  local product = products[id]
  if not product then
    return answer(404, { message = "no such product" })
  end

  answer(200, product)
end


function numbered.orders(id)
  if id < 1 or id > 9999 then
    return answer(404, { message = "no such order" })
  end

  answer(200, { id = id, state = "shipped", product = products[id % #products + 1] })
end


function numbered.status(code)
  if code < 200 or code > 599 then
    return answer(400, { message = "a status is a number from 200 to 599" })
  end

  if code == 204 or code == 304 then
    return ngx.exit(code)
  end

  answer(code, { status = code })
end


function numbered.delay(milliseconds)
  ngx.sleep(math.min(milliseconds, MAX_DELAY_MS) / 1000)
  answer(200, { delay_ms = milliseconds })
end


local function serve()
  local uri = ngx.var.uri
  local page = exact[uri]
  if page then
    return page()
  end

  local noun, number = uri:match("^/(%a+)/(%d+)$")
  if noun and numbered[noun] then
    return numbered[noun](tonumber(number))
  end

  answer(404, { message = "not found" })
end


return { serve = serve }
