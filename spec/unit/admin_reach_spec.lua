-- Exchanges that end in time, with nginx's light threads as coroutines on a clock of the spec's.


local ADMIN = "lua/kong/plugins/threat-agent/admin/"


describe("an exchange", function()
  local reach, now, request, sent
  local former_http, former = package.loaded["resty.http"], {}

  before_each(function()
    _G.ngx = _G.ngx or {}
    for _, name in ipairs({ "now", "sleep", "thread" }) do
      former[name] = _G.ngx[name]
    end
    now, sent = 1000, 0
    _G.ngx.now = function() return now end
    _G.ngx.sleep = function(seconds) coroutine.yield(now + seconds) end
    _G.ngx.thread = {
      spawn = function(fn, ...)
        local thread = { co = coroutine.create(fn) }
        thread.ok, thread.wakes, thread.second = coroutine.resume(thread.co, ...)
        return thread
      end,
      -- Wakes whichever is due first, until one ends.
      wait = function(...)
        while true do
          local first
          for _, thread in ipairs({ ... }) do
            if coroutine.status(thread.co) == "dead" then
              return thread.ok, thread.wakes, thread.second
            end
            first = (not first or thread.wakes < first.wakes) and thread or first
          end
          now = first.wakes
          first.ok, first.wakes, first.second = coroutine.resume(first.co)
        end
      end,
      kill = function() end,
    }
    package.loaded["resty.http"] = {
      new = function()
        return {
          set_timeouts = function() end,
          request_uri = function()
            sent = sent + 1
            return request()
          end,
        }
      end,
    }
    reach = dofile(ADMIN .. "reach.lua")
  end)

  after_each(function()
    package.loaded["resty.http"] = former_http
    for name, value in pairs({ now = 1, sleep = 1, thread = 1 }) do
      _G.ngx[name] = value and former[name]
    end
  end)


  local function ask(method, origin)
    return reach.request(origin or "http://a", "/x", { method = method or "GET" }, 500)
  end


  it("gives what was answered", function()
    request = function()
      _G.ngx.sleep(1.4)
      return { status = 200 }
    end
    assert.equal(200, ask().status)
  end)


  it("is over by a deadline, however an answer trickles", function()
    request = function()
      for _ = 1, 1000 do
        _G.ngx.sleep(0.4)
      end
    end
    local response, err, passes = ask()
    assert.is_nil(response)
    assert.equal("timeout: no whole answer within 1.5 s", err)
    assert.is_true(passes)
    assert.equal(1001.5, now)
  end)


  it("is not begun right after one that failed, and is a moment later", function()
    request = function()
      _G.ngx.sleep(0.5)
      return nil, "timeout"
    end
    for _ = 1, 12 do
      assert.equal("timeout", (select(2, ask())))
    end
    assert.equal(1, sent)
    assert.equal(1000.5, now)
    -- Others are no worse off.
    ask("GET", "http://b")
    assert.equal(2, sent)

    now = now + 1
    request = function() return { status = 200 } end
    assert.equal(200, ask().status)
    assert.equal(200, ask().status)
  end)


  it("that writes and is not answered in time may yet be done", function()
    local expected = { timeout = reach.UNANSWERED, closed = true, ["connection refused"] = true }
    for err, passes in pairs(expected) do
      request = function() return nil, err end
      assert.equal(passes, (select(3, ask("PATCH", "http://" .. err))))
      -- The next one was not sent.
      assert.is_true((select(3, ask("PATCH", "http://" .. err))))
    end
    request = function() return nil, "timeout" end
    assert.is_true((select(3, ask("GET", "http://b"))))
    request = function() return nil, nil end
    assert.equal("the answer was cut short", (select(2, ask("POST", "http://d"))))
    request = function() error("raised", 0) end
    assert.equal("raised", (select(2, ask("GET", "http://e"))))
  end)
end)
