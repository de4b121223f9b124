-- Kong's queue in small: entries are handed to a handler in batches, with pauses that double after a
-- failure, for a time; the oldest entries go when it is full. Queues are each worker's own.


local ngx = ngx
local min = math.min


local Queue = {}


local queues = {}


local function take_batch(queue)
  local batch = {}
  while #batch < queue.conf.max_batch_size and queue.entries[1] ~= nil do
    batch[#batch + 1] = table.remove(queue.entries, 1)
  end

  return batch
end


local function log(level, queue, ...)
  kong.log[level]("[", queue.conf.log_tag or "", "] queue ", queue.conf.name, ": ", ...)
end


local function handle(queue, batch)
  local conf = queue.conf
  local started, retries = ngx.now(), 0
  while true do
    local status, ok, err = pcall(queue.handler, queue.handler_conf, batch)
    if status and ok == true then
      return
    end

    log("warn", queue, "handler could not process entries: ", tostring(status and err or ok))
    if ngx.now() - started > conf.max_retry_time then
      log("err", queue, "could not send entries due to max_retry_time exceeded. ", #batch, " queue entries were lost")
      return
    end

    ngx.sleep(min(conf.max_retry_delay, 2 ^ retries * conf.initial_retry_delay))
    retries = retries + 1
    ngx.update_time()
  end
end


local function work(_, queue)
  if queue.conf.max_batch_size > 1 and #queue.entries < queue.conf.max_batch_size then
    ngx.sleep(queue.conf.max_coalescing_delay)
  end
  while queue.entries[1] ~= nil do
    handle(queue, take_batch(queue))
  end
  queues[queue.conf.name] = nil
end


local function get_or_create(conf, handler, handler_conf)
  local queue = queues[conf.name]
  if queue then
    queue.handler_conf = handler_conf
    return queue
  end

  queue = { conf = conf, handler = handler, handler_conf = handler_conf, entries = {} }
  queues[conf.name] = queue
  return queue, true
end


-- Adds a value to the queue of a name. Returns true, or nil and an error.
function Queue.enqueue(conf, handler, handler_conf, value)
  local queue, new = get_or_create(conf, handler, handler_conf)
  if #queue.entries >= conf.max_entries then
    log("err", queue, "queue full, dropping old entries until processing is successful again")
    table.remove(queue.entries, 1)
  end
  queue.entries[#queue.entries + 1] = value

  if new then
    local ok, err = kong.timer:named_at("queue " .. conf.name, 0, work, queue)
    if not ok then
      queues[conf.name] = nil
      return nil, err
    end
  end

  return true
end


function Queue.exists(name)
  return queues[name] ~= nil
end


return Queue
