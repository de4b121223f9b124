-- When the library is missing, of another version, panics or kills its workers: the gateway serves,
-- one error says so, and the status tells.


local gateway = require "spec.support.gateway"


local eventually = gateway.eventually


-- The library with fault injection, as the Rust tests build it.
local FAULTY = "target/debug/deps"


local function config(failure_mode, mode)
  return ([[
_format_version: "3.0"
services:
  - name: echo
    url: http://127.0.0.1:${DEMO_PORT}/echo
    routes:
      - { name: echo, paths: ["/echo"] }
      - { name: faults, paths: ["/fault/panic", "/fault/abort"] }
plugins:
  - { name: file-log, config: { path: "${PREFIX}/requests.log" } }
  - name: threat-agent
    config:
      mode: %s
      failure_mode: %s
      rules: [ { id: tools, action: block, user_agents: [sqlmap] } ]
]]):format(mode or "enforce", failure_mode)
end


local other_folder


-- A library that exports another version than the plugin's; its folder goes after the spec.
local function another_version()
  local folder = os.tmpname()
  other_folder = folder
  os.remove(folder)
  assert(gateway.run("mkdir -p " .. folder))
  local source = assert(io.open(folder .. "/other.c", "w"))
  source:write([[
    #include <stddef.h>
    #include <string.h>
    int ta_version(char *buf, size_t len, size_t *needed) {
      *needed = 5;
      if (len < 5) return 1;
      memcpy(buf, "0.0.9", 5);
      return 0;
    }
  ]])
  source:close()
  assert(gateway.run(("gcc -shared -fPIC -o %s/libthreat_agent.so %s/other.c"):format(folder, folder)))
  return folder
end


describe(gateway.describe_name("faults:"), function()
  local gw

  after_each(function()
    gw:stop()
    if other_folder then
      assert(gateway.run("rm -r " .. other_folder))
      other_folder = nil
    end
  end)


  local function start(failure_mode, library_folder, options)
    options = options or {}
    local pwd = assert(gateway.run("pwd")):gsub("%s+$", "")
    if library_folder:sub(1, 1) ~= "/" then
      library_folder = pwd .. "/" .. library_folder
    end
    gw = gateway.start({
      config = config(failure_mode, options.mode),
      workers = options.workers or 2,
      env = { LIB_DIR = library_folder },
    })
  end


  local function get(path, agent)
    return gw:http({ path = path, headers = { ["user-agent"] = agent or "curl" } })
  end


  local function status()
    return gw:admin("GET", "/threat-agent/status").json
  end


  local function errors_of_the_plugin()
    local found = {}
    for _, line in ipairs(gw:error_log("threat-agent")) do
      if line:find("[error]", 1, true) then
        found[#found + 1] = line
      end
    end

    return found
  end


  local LIBRARIES = {
    { "a missing library", function() return "/nonexistent" end, "was not found" },
    { "a library of another version", another_version, "0.0.9" },
  }
  for _, case in ipairs(LIBRARIES) do
    describe(case[1], function()
      it("leaves traffic flowing, with one error and a status that tells", function()
        start("open", case[2]())
        for _ = 1, 20 do
          assert.equal(200, get("/echo", "sqlmap").status)
        end
        local errors = errors_of_the_plugin()
        assert.equal(1, #errors, table.concat(errors, "\n"))
        assert.matches(case[3], errors[1], 1, true)
        assert.is_false(status().enforcing)
        assert.matches(case[3], status().error, 1, true)
      end)

      it("stops traffic where the operator chose that", function()
        start("closed", case[2]())
        local response = get("/echo")
        assert.equal(503, response.status)
        assert.equal("Request could not be inspected", response.json.message)
      end)

      it("stops nothing in monitor mode", function()
        start("closed", case[2](), { mode = "monitor" })
        assert.equal(200, get("/echo").status)
      end)

      it("leaves client-sent headers of the plugin's name out", function()
        start("open", case[2]())
        local response = gw:http({ path = "/echo", headers = { ["x-threat-agent-verdict"] = "clean" } })
        assert.is_nil(response.json.headers["x-threat-agent-verdict"])
      end)
    end)
  end


  it("a panic refuses nobody, is said once and is counted", function()
    start("open", FAULTY, { workers = 1 })
    for _ = 1, 20 do
      assert.equal(200, get("/fault/panic").status)
    end
    assert.equal(403, get("/echo", "sqlmap").status)
    local errors = errors_of_the_plugin()
    assert.equal(1, #errors, table.concat(errors, "\n"))
    assert.matches("panicked", errors[1], 1, true)
    assert.equal(20, status().node.panics)
  end)


  it("three workers that die inside the engine set the bypass: traffic flows, and an alert says so", function()
    start("closed", FAULTY)
    for n = 1, 3 do
      assert.equal(403, get("/echo", "sqlmap").status)
      gw:raw("GET /fault/abort HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 5)
      eventually(function() return status().node.recent_deaths == n end)
    end

    eventually(function() return status().node.bypass end)
    assert.is_false(status().enforcing)
    for _ = 1, 20 do
      assert.equal(200, get("/echo", "sqlmap").status)
      assert.equal(200, get("/fault/abort").status)
    end
    local alert = eventually(function() return gw:error_log("bypass:")[1] end)
    assert.matches("[alert]", alert, 1, true)
    assert.equal(3, status().node.recent_deaths)
    local lines = gw:log_lines()
    assert.same({ mode = "enforce", verdict = "uninspected", score = 0 }, lines[#lines].threat_agent)
  end)
end)
