-- Requests that are broken, huge or odd: no crash, no 500 of the plugin's, and what was not
-- inspected is said.


local gateway = require "spec.support.gateway"


local CONFIG = [[
_format_version: "3.0"
services:
  - name: echo
    url: http://127.0.0.1:${DEMO_PORT}/echo
    routes:
      - { name: echo, paths: ["/echo"] }
      - { name: streamed, paths: ["/streamed"], request_buffering: false }
      - name: memory-only
        paths: ["/memory-only"]
        plugins:
          - name: threat-agent
            config: { mode: enforce, payload: { read_body_files: false } }
      - name: limited
        paths: ["/limited"]
        plugins:
          - name: threat-agent
            config:
              mode: enforce
              limits: [{ id: few, by: client_ip, scope: route, window: 60s, limit: 6, action: throttle }]
plugins:
  - { name: file-log, config: { path: "${PREFIX}/requests.log" } }
  - { name: threat-agent, config: { mode: enforce } }
]]

local ATTACK = "1' UNION SELECT username, password FROM users-- -"
local JSON_ATTACK = '{"note":"' .. ATTACK .. '"}'
local FORM = "application/x-www-form-urlencoded"


local function encoded(text)
  return (text:gsub("[^%w]", function(c) return ("%%%02x"):format(c:byte()) end))
end


local function chunked(body, size)
  local chunks = {}
  for i = 1, #body, size do
    local chunk = body:sub(i, i + size - 1)
    chunks[#chunks + 1] = ("%x\r\n%s\r\n"):format(#chunk, chunk)
  end

  return table.concat(chunks) .. "0\r\n\r\n"
end


gateway.describe("bad input", { config = CONFIG }, function(gw)
  local workers

  setup(function()
    workers = gateway.eventually(function()
      local pids = gw:worker_pids()
      return #pids == 2 and pids
    end)
  end)

  after_each(function()
    assert.same(workers, gw:worker_pids())
    assert.equal(200, gw:http({ path = "/echo" }).status)
    for _, line in ipairs(gw:error_log("threat-agent")) do
      assert.is_nil(line:find("%[error%]") or line:find("%[crit%]"), line)
    end
  end)


  local function status_of(bytes)
    local response = gw:raw(bytes, 5)
    return tonumber((response or ""):match("^HTTP/%d%.%d (%d%d%d)"))
  end


  local function record_of(mark)
    return gw:logged(function(line) return line.request.uri:find(mark, 1, true) end).threat_agent
  end


  describe("on the wire", function()
    local HOST = "Host: a\r\nConnection: close\r\n"
    local CASES = {
      { "no HTTP at all", "\0\1\2garbage\r\n\r\n", { 400 } },
      { "half a request line", "GET /echo", {} },
      { "bytes that are no UTF-8 in the path", "GET /echo/\255\254 HTTP/1.1\r\n" .. HOST .. "\r\n", { 200, 400, 404 } },
      { "an encoded NUL in the path", "GET /echo/%00 HTTP/1.1\r\n" .. HOST .. "\r\n", { 200, 400, 404 } },
      { "a NUL in a header", "GET /echo HTTP/1.1\r\nX-A: a\0b\r\n" .. HOST .. "\r\n", { 400 } },
      { "broken percent-encoding", "GET /echo?a=%&b=%zz&%=%u00 HTTP/1.1\r\n" .. HOST .. "\r\n", { 200 } },
      { "bytes that are no UTF-8 in a header", "GET /echo HTTP/1.1\r\nX-A: \255\254\r\n" .. HOST .. "\r\n", { 200 } },
      { "100,000 headers", "GET /echo HTTP/1.1\r\n" .. HOST .. ("A: b\r\n"):rep(100000) .. "\r\n", { 200, 400, 431, 494 } },
      { "a URL of 64 KB", "GET /echo?" .. ("a=b&"):rep(16384) .. " HTTP/1.1\r\n" .. HOST .. "\r\n", { 200, 414 } },
      { "a body cut short", "POST /echo HTTP/1.1\r\n" .. HOST .. "Content-Length: 1000\r\n\r\nonly this", {} },
      { "chunks that are none", "POST /echo HTTP/1.1\r\n" .. HOST .. "Transfer-Encoding: chunked\r\n\r\nzz\r\n", { 400 } },
      { "two lengths", "POST /echo HTTP/1.1\r\n" .. HOST .. "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", { 400 } },
      { "a version that nobody speaks", "GET /echo HTTP/1.2\r\n" .. HOST .. "\r\n", { 200 } },
      { "a length that is none", "POST /echo HTTP/1.1\r\n" .. HOST .. "Content-Length: -1\r\n\r\n", { 400 } },
    }
    for _, case in ipairs(CASES) do
      it(case[1], function()
        -- Nothing at all where the request never ended: the connection times out or closes.
        local status = status_of(case[2])
        local expected = status == nil and #case[3] == 0
        for _, one in ipairs(case[3]) do
          expected = expected or status == one
        end
        assert.is_true(expected or (#case[3] == 0 and status == 400), "got " .. tostring(status))
      end)
    end
  end)


  describe("bodies", function()
    local function post(path, content_type, body, headers)
      headers = headers or {}
      headers["content-type"] = content_type
      return gw:http({ method = "POST", path = path, headers = headers, body = body })
    end

    it("100,000 arguments do not hide an attack behind the hundredth", function()
      assert.equal(200, post("/echo?many", FORM, ("a=1&"):rep(100000)).status)
      assert.equal(403, post("/echo?hidden", FORM, ("a=1&"):rep(150) .. "q=" .. encoded(ATTACK)).status)
    end)

    it("100 headers do not hide an attack in the next", function()
      local lines = {}
      for n = 1, 120 do
        lines[n] = "X-Pad-" .. n .. ": 1\r\n"
      end
      assert.equal(403, status_of("GET /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
        .. table.concat(lines) .. "X-Last: " .. ATTACK .. "\r\n\r\n"))
    end)

    it("JSON nested 10,000 deep", function()
      assert.equal(200, post("/echo?deep", "application/json", ("["):rep(10000) .. ("]"):rep(10000)).status)
    end)

    it("JSON that ends in the middle is inspected as far as it goes", function()
      assert.equal(403, post("/echo?cut", "application/json", '{"a":[1,2],"q":"' .. ATTACK .. '","b":').status)
    end)

    it("bytes that are no UTF-8", function()
      assert.equal(200, post("/echo?bytes", "application/json", '{"a":"\255\254\0"}').status)
    end)

    it("chunked", function()
      local body = chunked(JSON_ATTACK, 7)
      assert.equal(403, status_of("POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\n"
        .. "Transfer-Encoding: chunked\r\n\r\n" .. body))
    end)

    it("long ones that do not come leave a request that is judged by its head, and counted once", function()
      local function node()
        return gw:status("/threat-agent/status").json.node
      end
      local before = node()
      for n = 1, 3 do
        gw:raw("POST /limited?q=" .. encoded(ATTACK) .. " HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
               .. "Content-Length: 30000\r\n\r\n{", 0.2)
        -- Other plugins' turn does not come: their logs have nothing of it.
        gateway.eventually(function()
          local now = node()
          return now.blocked == before.blocked + n and now.uninspected_bytes == before.uninspected_bytes + n * 30000
        end)
      end
      -- Where a window turns meanwhile, more pass.
      local passed = 0
      while passed < 20 and gw:http({ path = "/limited" }).status == 200 do
        passed = passed + 1
      end
      assert.is_true(passed >= 3 and passed < 20, passed .. " passed")
    end)

    it("spilled to disk are read", function()
      local body = '{"pad":"' .. ("x"):rep(40000) .. '","q":"' .. ATTACK .. '"}'
      assert.equal(403, post("/echo?spilled", "application/json", body).status)
    end)

    it("spilled to disk are left where the operator wants no reads, and that is said", function()
      local body = '{"pad":"' .. ("x"):rep(40000) .. '"}'
      assert.equal(200, post("/memory-only?spilled", "application/json", body).status)
      local record = record_of("/memory-only?spilled")
      assert.same({ "body_on_disk" }, record.uninspected)
      assert.equal(#body, record.uninspected_bytes)
    end)

    it("longer than the cap are inspected as far as the cap, and that is said", function()
      local body = '{"q":"' .. ATTACK .. '","pad":"' .. ("x"):rep(200000) .. '"}'
      assert.equal(403, post("/echo?long-attack", "application/json", body).status)
      body = '{"pad":"' .. ("x"):rep(200000) .. '"}'
      assert.equal(200, post("/echo?long", "application/json", body).status)
      local record = record_of("/echo?long")
      assert.is_true(record.uninspected_bytes >= #body - 65536)
    end)

    it("compressed are not inspected, and that is said", function()
      assert.equal(200, post("/echo?gzip", "application/json", "\31\139\8\0", { ["content-encoding"] = "gzip" }).status)
      local record = record_of("/echo?gzip")
      assert.same({ "body_encoded" }, record.uninspected)
    end)

    it("that stream are not read, and that is said", function()
      assert.equal(200, post("/streamed?body", "application/json", JSON_ATTACK).status)
      local record = record_of("/streamed?body")
      assert.same({ "body_streamed" }, record.uninspected)
      assert.equal(#JSON_ATTACK, record.uninspected_bytes)
    end)
  end)


  describe("HTTP/2", function()
    it("in the query", function()
      assert.equal(403, gw:http2({ path = "/echo?q=" .. encoded(ATTACK) }).status)
      assert.equal(200, gw:http2({ path = "/echo?q=fine" }).status)
    end)

    it("in a header", function()
      assert.equal(403, gw:http2({ path = "/echo", headers = { ["x-note"] = ATTACK } }).status)
    end)

    it("in a body with its length", function()
      local request = { path = "/echo", headers = { ["content-type"] = "application/json" }, body = JSON_ATTACK }
      assert.equal(403, gw:http2(request).status)
      request.body = '{"note":"fine"}'
      assert.equal(200, gw:http2(request).status)
    end)

    it("in a body without its length: refused, or said to be unread", function()
      local command = ("printf %%s '%s' | curl -s -o /dev/null -w '%%{http_code}' --max-time 10 --http2-prior-knowledge -T - "
        .. "-H 'content-type: application/json' -X POST 'http://127.0.0.1:%d/echo?unsized'")
        :format((JSON_ATTACK:gsub("'", "'\\''")), gw.h2_port)
      local status = assert(gateway.run(command))
      if status ~= "403" then
        assert.same({ "body_unreadable" }, record_of("/echo?unsized").uninspected)
        assert.equal("200", status)
      end
    end)
  end)
end)
