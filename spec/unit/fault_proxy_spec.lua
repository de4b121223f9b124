-- The proxy that fails on request.


local gateway = require "spec.support.gateway"
local socket = require "socket"


local ASKS = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"


describe("the fault proxy", function()
  local port, mode_file, pid

  local function connect()
    local client = socket.connect("127.0.0.1", port)
    if client then
      client:settimeout(20)
    end
    return client
  end

  setup(function()
    port, mode_file = gateway.free_port(), os.tmpname()
    gateway.write_file(mode_file, "503\n")
    pid = gateway.run(("luajit spec/support/fault_proxy.lua %d %d %s > /dev/null 2>&1 & echo $!")
                      :format(port, gateway.free_port(), mode_file)):match("%d+")
    gateway.eventually(function()
      local client = connect()
      return client and client:close()
    end)
  end)

  teardown(function()
    gateway.run("kill " .. pid .. "; rm -f " .. mode_file .. "*")
  end)


  local function answer_of(client)
    client:send(ASKS)
    local line = client:receive("*l")
    client:close()
    return line
  end


  it("serves one connection while another one says nothing yet", function()
    local silent, other = connect(), connect()
    assert.equal("HTTP/1.1 503 Fault", answer_of(other))
    assert.equal("HTTP/1.1 503 Fault", answer_of(silent))
  end)


  it("serves all that came meanwhile as it counts", function()
    gateway.write_file(mode_file, "pass-1:500\n")
    local answers = {}
    for _ = 1, 3 do
      answers[#answers + 1] = answer_of(connect()) or "none"
    end
    -- There is nothing behind it that a request could be passed on to.
    assert.same({ "none", "HTTP/1.1 500 Fault", "HTTP/1.1 500 Fault" }, answers)
  end)
end)
