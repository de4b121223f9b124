-- The lead of the node, which one worker has at a time. A leader that was held up for longer than the lease
-- lasts (3 s) has a successor and does not know it: so what two may not do is done only while `holds`.

local region = require "kong.plugins.threat-agent.region"


local ngx = ngx
local pcall = pcall


local _M = {}


local may                -- whether this worker may lead: of workers that share no region only the first may
local is_new = false     -- the lead was taken, and what the former leader left was not yet taken over
local number = 0         -- of leads that this worker has had


local function may_lead()
  if may == nil then
    local node = region.node()
    may = node ~= nil and (node.shared or ngx.worker.id() == 0)
  end

  return may
end


-- Renews the lead, or takes it where nobody has it; to be called once a second. Returns whether this
-- worker leads; or nil and an error.
function _M.renew()
  local leads, new = region.tick(ngx.time())
  if leads == nil then
    return nil, new
  end

  if not leads or not may_lead() then
    return false
  end

  is_new = is_new or new
  number = number + (new and 1 or 0)
  return true
end


-- Takes over what the former leader left, once: by `open`, which is called again the next time where it raised, since
-- what it was to read must not be written over. Returns true, also where there is nothing to take over; or nil and an
-- error.
function _M.take_over(open)
  if not is_new then
    return true
  end

  local now_led = number
  local ok, err = pcall(open)
  is_new = not ok or number ~= now_led
  return ok or nil, err
end


-- Whether this worker leads, without a break since it last took over.
function _M.holds()
  return not is_new and region.leads()
end


return _M
