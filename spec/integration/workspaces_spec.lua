-- A workspace of a team beside the default one: what happens at its routes is answered in it.
--
-- Kong without Enterprise's part serves the routes of every workspace, and its Admin API knows the default one only: what
-- lies before it here tells it by a header which one a path means.


local gateway = require "spec.support.gateway"


if gateway.kind ~= "kong-postgres" then
  return
end


local eventually = gateway.eventually

local TEAM = "0b6d1a52-93b7-4a33-9d52-5a3c2d1e7f10"

local ADMIN_PORT, WORKSPACES_PORT = gateway.free_port(), gateway.free_port()

-- As Enterprise has it: /team/routes are the team's.
local BEFORE_IT = ([[
server {
  listen 127.0.0.1:WORKSPACES_PORT;
  location / { proxy_pass http://127.0.0.1:ADMIN_PORT; }
  location ~ ^/team(/.+)$ {
    proxy_set_header X-Workspace TEAM;
    proxy_pass http://127.0.0.1:ADMIN_PORT$1$is_args$args;
  }
}
]]):gsub("[%u_]+", { WORKSPACES_PORT = WORKSPACES_PORT, ADMIN_PORT = ADMIN_PORT, TEAM = TEAM })

local IN_IT = [[
ngx.ctx.workspace = ngx.req.get_headers()["x-workspace"]
]]

local CONFIG = [[
_format_version: "3.0"
services:
  - { name: shop, url: "http://127.0.0.1:${DEMO_PORT}", routes: [{ name: mine, paths: [/mine] }] }
plugins:
  - name: threat-agent
    config:
      mode: enforce
      response:
        admin_api: { url: "http://127.0.0.1:]] .. WORKSPACES_PORT .. [[" }
        blast_radius: { good_ratio: 1 }
        budget: { per_minute: 4, workspaces: { team: 0.25 } }
        policies:
          - { id: all, min_confidence: 0.3, min_severity: low,
              steps: [{ action: rate_limiting, per_minute: 100000, ttl_s: 20, verify_after_s: 600 }] }
]]


describe(gateway.describe_name("a team's workspace:"), function()
  local gw
  local files = { [os.tmpname()] = BEFORE_IT, [os.tmpname()] = IN_IT }

  -- Changes the database as Kong without Enterprise's part does not.
  local function query(statement)
    assert(gateway.run(('psql -h 127.0.0.1 -p %d -U kong -c "%s"'):format(gw.postgres_port, (statement:gsub("TEAM", TEAM)))))
  end

  setup(function()
    local env = { ADMIN_PORT = ADMIN_PORT }
    for path, text in pairs(files) do
      gateway.write_file(path, text)
      gateway.run("chmod a+r " .. path)
      env[text == IN_IT and "KONG_NGINX_ADMIN_REWRITE_BY_LUA_FILE" or "KONG_NGINX_HTTP_INCLUDE"] = path
    end
    gw = gateway.start({ config = CONFIG, trusted_ips = "127.0.0.1", env = env })
    gw.admin_port = WORKSPACES_PORT
    query("INSERT INTO workspaces (id, name) VALUES ('TEAM', 'team')")
    assert.equal(201, gw:admin("POST", "/team/services",
                               { name = "theirs", url = "http://127.0.0.1:" .. gw.demo_port }).status)
    for _, name in ipairs({ "theirs", "others", "last" }) do
      assert.equal(201, gw:admin("POST", "/team/services/theirs/routes", { name = name, paths = { "/" .. name } }).status)
    end
    assert.equal(201, gw:admin("POST", "/team/plugins", { name = "threat-agent", config = { mode = "enforce" } }).status)
    -- Nobody's that is left, and its time is over.
    assert.equal(201, gw:admin("POST", "/team/plugins",
                               { name = "correlation-id", tags = { "threat-agent", "expires:1000" } }).status)
    eventually(function()
      return gw:http({ path = "/theirs/products" }).status == 200 and gw:http({ path = "/others/products" }).status == 200
    end, 30)
  end)

  teardown(function()
    gw:stop()
    for path in pairs(files) do
      os.remove(path)
    end
  end)


  local function record_in(route, state, within_s)
    return eventually(function()
      local record = gw:records(route)[1]
      return record and record.state == state and record
    end, within_s or 30)
  end


  local function limits(path)
    local found = gw:admin("GET", path).json.data
    return #found == 1 and found[1].name
  end


  it("an incident there is answered there, and what was made is taken away there", function()
    assert.equal(404, gw:admin("GET", "/routes/theirs").status)
    gw:stuff("theirs", "192.0.2.1")
    local record = record_in("theirs", "active")
    assert.equal(TEAM, record.place.workspace)
    assert.equal("rate-limiting", limits("/team/routes/theirs/plugins"))
    record_in("theirs", "expired", 60)
    assert.is_false(limits("/team/routes/theirs/plugins"))
  end)


  it("has a budget of its own, and leaves the others theirs", function()
    gw:stuff("others", "192.0.2.2")
    assert.equal("its workspace's budget of 1 actions a minute is spent", record_in("others", "refused").why)
    gw:stuff("mine", "192.0.2.3")
    record_in("mine", "active")
    assert.equal("rate-limiting", limits("/routes/mine/plugins"))
  end)


  it("is swept of what a lost agent left there", function()
    eventually(function()
      for _, plugin in ipairs(gw:admin("GET", "/team/plugins").json.data) do
        if plugin.name == "correlation-id" then
          return false
        end
      end
      return true
    end, 70)
  end)


  it("ends what was done in it when it is gone itself, and says why", function()
    gw:stuff("last", "192.0.2.4")
    -- Its budget of a minute may be spent.
    record_in("last", "active", 150)
    query("DELETE FROM plugins WHERE ws_id = 'TEAM'; DELETE FROM routes WHERE ws_id = 'TEAM'; "
          .. "DELETE FROM services WHERE ws_id = 'TEAM'; DELETE FROM workspaces WHERE id = 'TEAM'")
    local why = "the workspace " .. TEAM .. " is gone, and what was changed there with it"
    assert.equal(why, record_in("last", "conflict", 60).why)
    local ledger = gateway.read_file(gw.prefix .. "/threat-agent/ledger.jsonl")
    assert.is_truthy(ledger:find('"why":"' .. why, 1, true))
  end)
end)
