-- Takes a target out of the upstream that the incident's service goes to: its weight becomes 0.

local _M = {}


local function find(api, service, target)
  local found, err, passes = api:get("services", service)
  if not found then
    return nil, err or "the service is gone", passes
  end

  local targets
  targets, err, passes = api:targets_of(found.host)
  if not targets then
    return nil, err or "the service goes to no upstream", passes
  end

  local wanted, rest = nil, 0
  for _, one in ipairs(targets) do
    if one.target == target then
      wanted = one
    else
      rest = rest + one.weight
    end
  end

  if not wanted then
    return nil, "the upstream has no target " .. target
  elseif wanted.weight == 0 then
    return nil, "the target gets no requests already"
  elseif rest == 0 then
    return nil, "no other target of the upstream gets any requests"
  end

  return wanted
end


function _M.plan(record, _, step, client)
  if record.place.service == "" then
    return nil, "the incident has no service"
  end

  local api, err, passes = client()
  local target
  if api then
    target, err, passes = find(api, record.place.service, step.upstream_target)
  end
  if not target then
    return nil, err, passes
  end

  local upstream = target.upstream.id
  record.changes = {
    { op = "patch", kind = api:targets_kind(upstream), id = target.id, upstream = upstream, tags = target.tags,
      set = { weight = 0 }, before = { weight = target.weight } },
  }
  return true
end


return _M
