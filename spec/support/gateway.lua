-- Starts gateways for specs, embedded or real, and talks to them: how is in gateway_requests.lua, gateway_config.lua and
-- gateway_traces.lua.
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
local lyaml = require "lyaml"
local system = require "spec.support.system"
local waiting = require "spec.support.waiting"


local eventually = waiting.eventually
local free_port = system.free_port
local quote = system.quote
local run = system.run
local running = waiting.running

local KIND = os.getenv("TA_GATEWAY") or "embedded"
local RUN = "spec/gateway/run.sh"
-- A data plane looks for its control plane again within ten seconds. Each of its workers takes in by itself what comes,
-- and nothing tells when the last one has: it answered so many times in a row.
local CONNECTS_S = 60
local ANSWERS = 20


local gateway = {
  kind = KIND,
  -- Entities are in a database, behind an Admin API that takes them one by one and not as a whole.
  has_database = KIND == "kong-postgres" or KIND == "kong-hybrid",
}
gateway.__index = gateway


for _, part in ipairs({ "gateway_requests", "gateway_config", "gateway_traces" }) do
  for name, method in pairs(require("spec.support." .. part)) do
    gateway[name] = method
  end
end


-- A data plane has no Admin API. Its operators ask on the dashboard's route, and so do specs.
local SEAT = KIND == "kong-hybrid" and {
  path = "/threat-agent",
  plugin = "threat-agent-dashboard",
  headers = { apikey = "an-operator", ["x-requested-with"] = "threat-agent" },
}
gateway.seat = SEAT


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
    OWNER_PID = system.pid,
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
    local log = system.read_file(prefix .. "/logs/error.log")
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


local version   -- of the Kong at hand, as kong.version_num has it


-- Whether the Kong at hand is older. The embedded gateway stands in for the newest.
function gateway.is_before(version_num)
  if KIND == "embedded" then
    return false
  end

  if not version then
    local major, minor, patch = assert(run("kong version")):match("(%d+)%.(%d+)%.(%d+)")
    version = major * 1000000 + minor * 1000 + patch
  end
  return version < version_num
end


-- Ends a data plane's control plane, or starts it again. how: "stop" or "start".
function gateway:control(how)
  assert(run("PREFIX=" .. quote(self.prefix) .. " " .. RUN .. " control-" .. how))
end


gateway.run = run
gateway.eventually = eventually
gateway.describe_name = describe_name
gateway.free_port = free_port
gateway.read_file = system.read_file
gateway.write_file = system.write_file


return gateway
