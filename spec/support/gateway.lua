-- Starts gateways for specs, embedded or real, and talks to them.
--
--   local gateway = require "spec.support.gateway"
--   local gw = gateway.start({ config = { _format_version = "3.0", ... } })
--   gw:http({ path = "/shop/" }).status
--   gw:stop()
--
-- TA_GATEWAY picks the gateway: embedded (the default), kong, kong-postgres, kong-hybrid. Each one
-- has free ports and a directory of its own, and ends with the process that started it,
-- whatever becomes of the specs.


local cjson = require "cjson.safe"
local ffi = require "ffi"
local http = require "spec.support.http"
local lyaml = require "lyaml"
local socket = require "socket"


ffi.cdef "int getpid(void);"


local KIND = os.getenv("TA_GATEWAY") or "embedded"
local RUN = "spec/gateway/run.sh"
-- Below the ports that the system hands out; specs that run side by side have a lane each, with ports of its own.
local PORTS = { 20000, 31999 }
local LANE_PORTS = 1500
local POLL_S = 0.05
local EVENTUALLY_S = 10
-- A data plane looks for its control plane again within ten seconds. Each of its workers takes in by itself what comes,
-- and nothing tells when the last one has: it answered so many times in a row.
local CONNECTS_S = 60
local ANSWERS = 20


math.randomseed(ffi.C.getpid() * 1000 + os.time() % 1000)


local gateway = {
  kind = KIND,
  -- Entities are in a database, behind an Admin API that takes them one by one and not as a whole.
  has_database = KIND == "kong-postgres" or KIND == "kong-hybrid",
}
gateway.__index = gateway


-- A data plane has no Admin API. Its operators ask on the dashboard's route, and so do specs.
local SEAT = KIND == "kong-hybrid" and {
  path = "/threat-agent",
  plugin = "threat-agent-dashboard",
  headers = { apikey = "an-operator", ["x-requested-with"] = "threat-agent" },
}
gateway.seat = SEAT


local function quote(text)
  return "'" .. tostring(text):gsub("'", "'\\''") .. "'"
end


-- Runs a command; gives what it printed, or nil and that.
local function run(command)
  local pipe = io.popen("{ " .. command .. "\n} 2>&1; echo \"status:$?\"")
  local output = pipe:read("*a")
  pipe:close()

  local printed, status = output:match("^(.-)status:(%d+)%s*$")
  if status == "0" then
    return printed
  end

  return nil, printed or output
end


-- A port that is free and was not handed out before: a spec may keep one for later.
local handed_out = {}
local first_port, last_port = PORTS[1], PORTS[2]
local lane = tonumber(os.getenv("TA_LANE"))
if lane then
  first_port = first_port + lane * LANE_PORTS
  last_port = first_port + LANE_PORTS - 1
end


local function free_port()
  while true do
    local port = math.random(first_port, last_port)
    local sock = not handed_out[port] and socket.bind("127.0.0.1", port)
    if sock then
      sock:close()
      handed_out[port] = true
      return port
    end
  end
end


local function read_file(path)
  local file = io.open(path, "rb")
  if not file then
    return ""
  end

  local text = file:read("*a")
  file:close()
  return text
end


local function write_file(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end


-- The gateways that run, by their folders.
local running = {}


-- What the running gateways logged last, for those who read of a failure.
local function last_words()
  local said = {}
  for prefix in pairs(running) do
    -- A data plane's control plane lies within its folder.
    local log, err = run("tail -n 12 " .. quote(prefix) .. "/logs/error.log $(ls -d " .. quote(prefix)
                         .. "/cp/logs/error.log 2> /dev/null) | cut -c -300")
    said[#said + 1] = "\nthe log of " .. prefix .. " ended with:\n" .. (log or err)
  end

  return table.concat(said)
end


-- Calls fn until it gives a true value, which is given on; fails after a time, with the
-- last thing it gave.
local function eventually(fn, timeout_s)
  local deadline = socket.gettime() + (timeout_s or EVENTUALLY_S)
  while true do
    local results = { pcall(fn) }
    if results[1] and results[2] then
      return unpack(results, 2)
    end

    if socket.gettime() >= deadline then
      error("did not happen within " .. (timeout_s or EVENTUALLY_S) .. " s: " .. tostring(results[3] or results[2])
            .. last_words(), 2)
    end
    socket.sleep(POLL_S)
  end
end


-- The name of a spec with the gateway it runs on.
local function describe_name(name)
  return name .. " [" .. KIND .. "]"
end


local function environment(self, options)
  local env = {
    GATEWAY = KIND,
    CONFIG = self.config_path,
    PREFIX = self.prefix,
    PROXY_PORT = self.proxy_port,
    ADMIN_PORT = self.admin_port,
    STATUS_PORT = self.status_port,
    DEMO_PORT = self.demo_port,
    H2_PORT = self.h2_port,
    POSTGRES_PORT = self.postgres_port,
    CLUSTER_PORT = self.cluster_port,
    CONTROL_STATUS_PORT = self.control_status_port,
    WORKERS = options.workers or 2,
    PLUGINS = (options.plugins or "bundled,threat-agent") .. (SEAT and "," .. SEAT.plugin or ""),
    OWNER_PID = ffi.C.getpid(),
  }

  if options.trusted_ips then
    env.TRUSTED_IPS = options.trusted_ips
    env.REAL_IP_HEADER = "X-Forwarded-For"
    env.REAL_IP_RECURSIVE = "on"
  end

  for name, value in pairs(options.env or {}) do
    env[name] = value
  end

  local parts = {}
  for name, value in pairs(env) do
    parts[#parts + 1] = name .. "=" .. quote(value)
  end
  return table.concat(parts, " ")
end


-- A declarative configuration with the dashboard's route, and who may ask there.
local function with_seat(config)
  local document = type(config) == "table" and cjson.decode(cjson.encode(config)) or lyaml.load(config)
  document.routes = document.routes or {}
  table.insert(document.routes, {
    name = "seat", paths = { SEAT.path },
    plugins = { { name = "key-auth" }, { name = SEAT.plugin, config = { operator_groups = { "seat" } } } },
  })
  document.consumers = document.consumers or {}
  table.insert(document.consumers, {
    username = "seat", acls = { { group = "seat" } }, keyauth_credentials = { { key = SEAT.headers.apikey } },
  })
  return document
end


-- Starts a gateway and the demo API behind it, a data plane with its configuration; raises when it does not start.
-- Options: config (table, or YAML text; "${DEMO_PORT}", "${PREFIX}" … are filled in), workers (2),
-- plugins ("bundled,threat-agent"), trusted_ips (believes X-Forwarded-For from there), env.
-- Fields of the result: prefix, proxy_port, admin_port, status_port, demo_port, h2_port.
function gateway.start(options)
  local prefix = os.tmpname()
  os.remove(prefix)
  assert(run("mkdir -p " .. quote(prefix)))

  local self = setmetatable({
    prefix = prefix,
    config_path = prefix .. "/spec.yml",
    proxy_port = free_port(),
    admin_port = free_port(),
    status_port = free_port(),
    demo_port = free_port(),
    h2_port = free_port(),
    postgres_port = free_port(),
    cluster_port = free_port(),
    control_status_port = free_port(),
  }, gateway)

  self:write_config(SEAT and with_seat(options.config) or options.config)
  self.start_command = environment(self, options) .. " " .. RUN .. " start"
  local ok, output = run(self.start_command)
  if not ok then
    local log = read_file(prefix .. "/logs/error.log")
    run("rm -rf " .. quote(prefix))
    error("the gateway did not start:\n" .. output .. log, 2)
  end

  running[prefix] = true
  if SEAT then
    local answers = 0
    eventually(function()
      answers = self:agent("GET", "/status").status == 200 and answers + 1 or 0
      return answers == ANSWERS
    end, CONNECTS_S)
  end
  return self
end


-- Describes what a gateway does, under a name and with the options of start(): body gets the gateway, which runs for its
-- tests, and whose fields are there from its `setup` on.
function gateway.describe(name, options, body)
  local busted = require "busted"
  busted.describe(describe_name(name), function()
    local self = setmetatable({}, gateway)

    busted.setup(function()
      for field, value in pairs(gateway.start(options)) do
        self[field] = value
      end
    end)

    body(self)

    busted.teardown(function()
      self:stop()
    end)
  end)
end


-- Writes the file that the gateway reads at its start and at reloads.
function gateway:write_config(config)
  write_file(self.config_path, type(config) == "table" and cjson.encode(config) or config)
end


-- The configuration file as a table, with everything filled in.
function gateway:config()
  return lyaml.load(read_file(self.prefix .. "/config.yml"))
end


function gateway:stop()
  running[self.prefix] = nil
  local ok, output = run("PREFIX=" .. quote(self.prefix) .. " " .. RUN .. " stop")
  if not os.getenv("TA_KEEP") then
    run("rm -rf " .. quote(self.prefix))
  end
  assert(ok, output)
end


-- Ends the gateway and starts it anew in the same directory, as an operator's restart does. meanwhile: what is
-- done while it does not run, or nil.
function gateway:restart(meanwhile)
  assert(run("PREFIX=" .. quote(self.prefix) .. " " .. RUN .. " stop"))
  if meanwhile then
    meanwhile()
  end
  assert(run(self.start_command))
end


function gateway:reload()
  assert(run("PREFIX=" .. quote(self.prefix) .. " " .. RUN .. " reload"))
end


-- Ends a data plane's control plane, or starts it again. how: "stop" or "start".
function gateway:control(how)
  assert(run("PREFIX=" .. quote(self.prefix) .. " " .. RUN .. " control-" .. how))
end


-- One request through the proxy: { method, path, headers, body | json, timeout_s, client }. client: the address that it comes
-- from, where X-Forwarded-For is believed.
function gateway:http(request)
  if request.client then
    request.headers = request.headers or {}
    request.headers["x-forwarded-for"] = request.client
  end
  return assert(http.request(self.proxy_port, request))
end


-- One request to the Admin API.
function gateway:admin(method, path, body)
  return assert(http.request(self.admin_port, { method = method, path = path, json = body }))
end


-- One request to a view of the plugin on the node that takes the traffic, such as "/actions": on its Admin API, or
-- on the dashboard's route where it has none.
function gateway:agent(method, path, body)
  if not SEAT then
    return self:admin(method, "/threat-agent" .. path, body)
  end

  return self:http({ method = method, path = SEAT.path .. path, json = body, headers = SEAT.headers })
end


-- One request to the Status API.
function gateway:status(path)
  return assert(http.request(self.status_port, { path = path }))
end


-- Fails to log in to fourteen accounts on a route: credential stuffing. client: an address, where X-Forwarded-For is believed.
function gateway:stuff(route, client)
  for n = 1, 14 do
    self:http({ path = "/" .. route .. "/login", json = { username = "user-" .. n, password = "x" },
                headers = { ["x-forwarded-for"] = client } })
  end
end


-- A connection to the proxy that stays open: client:request{...}, :send(bytes), :read(), :close().
function gateway:client(timeout_s)
  return assert(http.connect(self.proxy_port, timeout_s))
end


-- Sends bytes to the proxy as they are and gives all that comes back.
function gateway:raw(bytes, timeout_s)
  return http.raw(self.proxy_port, bytes, timeout_s)
end


-- One request over HTTP/2 without TLS, by curl. Options: method, headers, body. Gives { status, body }.
function gateway:http2(request)
  local parts = { "curl -s --max-time 10 --http2-prior-knowledge -w '\\n%{http_code}'" }
  if request.method then
    parts[#parts + 1] = "-X " .. quote(request.method)
  end
  for name, value in pairs(request.headers or {}) do
    parts[#parts + 1] = "-H " .. quote(name .. ": " .. value)
  end
  if request.body then
    write_file(self.prefix .. "/http2.body", request.body)
    parts[#parts + 1] = "--data-binary @" .. quote(self.prefix .. "/http2.body")
  end
  parts[#parts + 1] = quote("http://127.0.0.1:" .. self.h2_port .. (request.path or "/"))

  local output = assert(run(table.concat(parts, " ")))
  local body, status = output:match("^(.*)\n(%d%d%d)$")
  return { status = tonumber(status), body = body, json = cjson.decode(body) }
end


local function merge(target, patch)
  for key, value in pairs(patch) do
    if type(value) == "table" and type(target[key]) == "table" and value[1] == nil then
      merge(target[key], value)
    else
      target[key] = value
    end
  end
end


-- Calls visit(plugin) for each plugin in a declarative table, nested or not.
local function each_plugin(node, visit)
  for key, value in pairs(node) do
    if type(value) == "table" then
      if key == "plugins" then
        for _, plugin in ipairs(value) do
          visit(plugin)
        end
      else
        each_plugin(value, visit)
      end
    end
  end
end


local function patch_declarative(self, name, config)
  self.declarative = self.declarative or self:config()
  each_plugin(self.declarative, function(plugin)
    if plugin.name == name then
      plugin.config = plugin.config or {}
      merge(plugin.config, config)
    end
  end)

  return self:admin("POST", "/config", self.declarative)
end


-- The plugin entities of that name, from the Admin API.
function gateway:plugins(name)
  local found = {}
  for _, plugin in ipairs(self:admin("GET", "/plugins").json.data) do
    if plugin.name == name then
      found[#found + 1] = plugin
    end
  end

  return found
end


-- Changes part of the configuration of every plugin of that name, however the gateway wants
-- it: by PATCH, or by replacing the whole where there is no database. Gives the Admin API's
-- (last) response. The change is at work in all workers some time later: wait for it.
function gateway:patch_plugin(name, config)
  if KIND == "kong" then
    return patch_declarative(self, name, config)
  end

  local response
  for _, plugin in ipairs(self:plugins(name)) do
    response = self:admin("PATCH", "/plugins/" .. plugin.id, { config = config })
  end
  return response
end


-- The decoded lines of a file-log under the gateway's directory.
function gateway:log_lines(file)
  local lines = {}
  for line in read_file(self.prefix .. "/" .. (file or "requests.log")):gmatch("[^\n]+") do
    lines[#lines + 1] = cjson.decode(line)
  end

  return lines
end


-- The first logged request for which matches(line) holds, waited for.
function gateway:logged(matches, file)
  return eventually(function()
    for _, line in ipairs(self:log_lines(file)) do
      if matches(line) then
        return line
      end
    end
  end)
end


-- The lines of error.log that contain a text; all without one.
function gateway:error_log(text)
  local found = {}
  for line in read_file(self.prefix .. "/logs/error.log"):gmatch("[^\n]+") do
    if not text or line:find(text, 1, true) then
      found[#found + 1] = line
    end
  end

  return found
end


function gateway:master_pid()
  return tonumber(read_file(self.prefix .. "/pids/nginx.pid"))
end


-- The process ids of the workers that are not on their way out.
function gateway:worker_pids()
  local master = self:master_pid()
  local pids = {}
  for pid in read_file(("/proc/%d/task/%d/children"):format(master, master)):gmatch("%d+") do
    local title = read_file("/proc/" .. pid .. "/cmdline")
    if title:find("worker process", 1, true) and not title:find("shutting down", 1, true) then
      pids[#pids + 1] = tonumber(pid)
    end
  end

  return pids
end


gateway.run = run
gateway.eventually = eventually
gateway.describe_name = describe_name
-- The agent's actions on a route, by its name, in the file of the node with that prefix: a data plane has
-- no Admin API to ask. route: nil for all.
function gateway.records_in(prefix, route)
  local found = {}
  for _, record in ipairs(cjson.decode(read_file(prefix .. "/threat-agent/actions.json")) or {}) do
    if route == nil or record.place.route_name == route then
      found[#found + 1] = record
    end
  end

  return found
end


-- Those of this node.
function gateway:records(route)
  return gateway.records_in(self.prefix, route)
end


-- Waits until the last action on a route, by its name, is in a state. Returns the action. within_s: 60 without one.
function gateway:in_state(route, state, within_s)
  return eventually(function()
    local record = self:records(route)[1]
    return record and record.state == state and record
  end, within_s or 60)
end


gateway.free_port = free_port
gateway.read_file = read_file
gateway.write_file = write_file


return gateway
