-- kong.timer, in the shape of lua-resty-timer-ng, on nginx's own timers. A job that
-- repeats is set again after it has run, so runs never overlap.


local jobs = {}
local sequence = 0


local function run_once(premature, name, callback, ...)
  if premature or not jobs[name] then
    return
  end

  jobs[name] = nil
  local ok, err = pcall(callback, false, ...)
  if not ok then
    ngx.log(ngx.ERR, "timer '", name, "' failed: ", err)
  end
end


local function run_and_repeat(premature, name, job, callback, ...)
  if premature or jobs[name] ~= job then
    return
  end

  local ok, err = pcall(callback, false, ...)
  if not ok then
    ngx.log(ngx.ERR, "timer '", name, "' failed: ", err)
  end

  if jobs[name] == job and not ngx.worker.exiting() then
    ngx.timer.at(job.interval, run_and_repeat, name, job, callback, ...)
  end
end


local function claim(name, job)
  if not name then
    sequence = sequence + 1
    name = "unnamed-" .. sequence
  end

  if jobs[name] then
    return nil, "already exists timer"
  end

  jobs[name] = job
  return name
end


local timer = {}


function timer.named_at(_, name, delay, callback, ...)
  local claimed, err = claim(name, {})
  if not claimed then
    return false, err
  end

  local ok
  ok, err = ngx.timer.at(delay, run_once, claimed, callback, ...)
  return ok and claimed or false, err
end


function timer.named_every(_, name, interval, callback, ...)
  local job = { interval = interval }
  local claimed, err = claim(name, job)
  if not claimed then
    return false, err
  end

  local ok
  ok, err = ngx.timer.at(interval, run_and_repeat, claimed, job, callback, ...)
  return ok and claimed or false, err
end


function timer:at(delay, callback, ...)
  return self:named_at(nil, delay, callback, ...)
end


function timer:every(interval, callback, ...)
  return self:named_every(nil, interval, callback, ...)
end


function timer.cancel(_, name)
  if not jobs[name] then
    return false, "not found"
  end

  jobs[name] = nil
  return true
end


return timer
