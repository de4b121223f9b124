-- However many routes are attacked at once, actions hold for all who go there on a part of them only.


local gateway = require "spec.support.gateway"


local eventually = gateway.eventually

local ROUTES = 12


local function routes()
  local lines = {}
  for n = 1, ROUTES do
    lines[n] = ("{ name: r%d, paths: [/r%d] }"):format(n, n)
  end

  return table.concat(lines, ", ")
end


local CONFIG = [[
_format_version: "3.0"
services: [{ name: shop, url: "http://127.0.0.1:${DEMO_PORT}", routes: []] .. routes() .. [[] }]
plugins:
  - name: threat-agent
    config:
      mode: enforce
      response:
        blast_radius: { good_ratio: 1, route_ratio: 0.5 }
        budget: { per_minute: 100 }
        policies:
          - id: all
            min_confidence: 0.3
            min_severity: low
            steps:
              - { action: restrict_route, methods: [GET, POST], ttl_s: 600, verify_after_s: 600 }
              - { action: ban, suspicion: low, ttl_s: 600, verify_after_s: 600 }
]]


gateway.describe("attacks on many routes:", { config = CONFIG, trusted_ips = "127.0.0.1" }, function(gw)
  it("half of them are restricted, and bans go on", function()
    for route = 1, 8 do
      for n = 1, 14 do
        gw:http({ path = "/r" .. route .. "/login", json = { username = "user-" .. n, password = "x" },
                  headers = { ["x-forwarded-for"] = "192.0.2." .. route } })
      end
    end
    -- The last of the incidents may be over before it is its turn.
    eventually(function()
      local found = { restrict_route = {}, ban = {} }
      for _, record in ipairs(gw:records()) do
        local of = found[record.action]
        of[record.state] = (of[record.state] or 0) + 1
        assert.matches(record.state == "refused" and "^7 routes would be touched, 6 may at once$" or "", record.why or "")
      end
      return found.restrict_route.active == 6 and (found.restrict_route.refused or 0) >= 1 and found.ban.active == 8
    end, 60)

    local restricted = 0
    for n = 1, ROUTES do
      restricted = restricted + (type(gw:admin("GET", "/routes/r" .. n).json.methods) == "table" and 1 or 0)
    end
    assert.equal(6, restricted)
  end)
end)
