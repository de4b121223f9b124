-- Drives a Chromium without a window, by chromedriver (the WebDriver protocol and, beneath it, DevTools').
--
--   local browser = require "spec.support.browser"
--   local page = browser.start()
--   page:headers({ apikey = "…" })
--   page:open("http://127.0.0.1:8000/threat-agent")
--   page:run("return document.title")
--   page:stop()


local cjson = require "cjson.safe"
local http = require "spec.support.http"
local mime = require "mime"
local socket = require "socket"


local START_S = 20
local COMMAND_S = 60


local browser = {}
browser.__index = browser


local function shell(command)
  local pipe = io.popen(command)
  local output = pipe:read("*a")
  pipe:close()
  return output
end


local function free_port()
  local sock = assert(socket.bind("127.0.0.1", 0))
  local _, port = sock:getsockname()
  sock:close()
  return tonumber(port)
end


-- Tells whether what it takes is here.
function browser.is_here()
  return shell("command -v chromium") ~= "" and shell("command -v chromedriver") ~= ""
end


local function command(self, method, path, body)
  local response = assert(http.request(self.port, {
    method = method, path = path, json = body, timeout_s = COMMAND_S,
  }))
  if response.status ~= 200 then
    error("chromedriver: " .. tostring(response.body):sub(1, 2000), 3)
  end

  return cjson.decode(response.body).value
end


local function session(self, path, body)
  return command(self, "POST", "/session/" .. self.session .. path, body)
end


local function wait_for_driver(port)
  local deadline = socket.gettime() + START_S
  while socket.gettime() < deadline do
    local response = http.request(port, { path = "/status" })
    if response and response.status == 200 then
      return
    end
    socket.sleep(0.1)
  end

  error("chromedriver did not start", 3)
end


-- Starts a browser with an empty profile.
function browser.start()
  local self = setmetatable({ port = free_port() }, browser)
  self.profile = shell("mktemp -d"):match("%S+")
  self.pid = shell(("chromedriver --port=%d > %s/driver.log 2>&1 & echo $!"):format(self.port, self.profile)):match("%d+")
  wait_for_driver(self.port)

  self.session = command(self, "POST", "/session", {
    capabilities = { alwaysMatch = {
      browserName = "chrome",
      ["goog:loggingPrefs"] = { browser = "ALL" },
      ["goog:chromeOptions"] = { binary = shell("command -v chromium"):match("%S+"), args = {
        "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
        "--user-data-dir=" .. self.profile .. "/profile",
      } },
    } },
  }).sessionId

  return self
end


function browser:stop()
  pcall(command, self, "DELETE", "/session/" .. self.session)
  shell("kill " .. self.pid .. " 2> /dev/null; sleep 0.2; rm -rf '" .. self.profile .. "'")
end


-- One call of DevTools'.
function browser:devtools(name, parameters)
  return session(self, "/goog/cdp/execute", { cmd = name, params = parameters or {} })
end


-- Sends headers with every request from now on.
function browser:headers(headers)
  self:devtools("Network.enable", { maxPostDataSize = 0 })
  self:devtools("Network.setExtraHTTPHeaders", { headers = headers })
end


function browser:open(url)
  session(self, "/url", { url = url })
end


-- An empty list would be written as an object.
local function arguments(...)
  return select("#", ...) == 0 and { cjson.null } or { ... }
end


-- Runs a script in the page. Returns what it returns.
function browser:run(script, ...)
  return session(self, "/execute/sync", { script = script, args = arguments(...) })
end


-- Runs a script that calls its last argument with its result.
function browser:run_async(script, ...)
  return session(self, "/execute/async", { script = script, args = arguments(...) })
end


-- Presses a key, wherever the focus is.
function browser:press(key)
  for _, kind in ipairs({ "keyDown", "keyUp" }) do
    self:devtools("Input.dispatchKeyEvent", { type = kind, key = key, text = kind == "keyDown" and #key == 1 and key or nil,
                                              code = key, windowsVirtualKeyCode = key == "Tab" and 9 or key:upper():byte() })
  end
end


-- Sets the window: { width, height, dark }.
function browser:window(options)
  self:devtools("Emulation.setDeviceMetricsOverride", {
    width = options.width, height = options.height, deviceScaleFactor = options.scale or 1, mobile = false,
  })
  self:devtools("Emulation.setEmulatedMedia", { features = {
    { name = "prefers-color-scheme", value = options.dark and "dark" or "light" },
    { name = "prefers-reduced-motion", value = "reduce" },
  } })
end


-- Writes what the page looks like, all of it, to a file.
function browser:screenshot(path)
  local shot = self:devtools("Page.captureScreenshot", { format = "png", captureBeyondViewport = true })
  local file = assert(io.open(path, "wb"))
  file:write((mime.unb64(shot.data)))
  file:close()
end


-- What the console said, since the last call.
function browser:console()
  return session(self, "/se/log", { type = "browser" })
end


return browser
