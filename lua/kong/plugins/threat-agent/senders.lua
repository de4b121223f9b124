-- Who requests come from, as bans, limits and exemptions name them: a client's address, its network
-- (a /24 of IPv4, a /56 of IPv6), a consumer or a credential by its id, a session by its keyed hash.

local format = string.format
local ipairs = ipairs
local tonumber = tonumber


local SUSPICION = { low = 1, medium = 2, high = 3 }

-- Groups of an IPv6 address, and those that a /56 has in full.
local GROUPS = 8
local WHOLE_GROUPS = 3


local _M = {}


local function groups_of(text)
  local groups = {}
  for group in text:gmatch("[^:]+") do
    groups[#groups + 1] = tonumber(group, 16)
  end

  return groups
end


-- The first four groups of an IPv6 address, or of a network's; nil for what is none.
local function first_groups(text)
  local address = text:match("^[^/]+")
  local first, last = address, ""
  local gap = address:find("::", 1, true)
  if gap then
    first, last = address:sub(1, gap - 1), address:sub(gap + 2)
  end

  local groups, tail = groups_of(first), groups_of(last)
  if #groups + #tail > GROUPS or not gap and #groups ~= GROUPS then
    return nil
  end

  for i = #groups + 1, WHOLE_GROUPS + 1 do
    groups[i] = tail[i - GROUPS + #tail] or 0
  end
  return groups
end


-- The /56 of an IPv6 address in canonical form; nil for what is none.
local function network_of_v6(text)
  local groups = first_groups(text)
  if not groups then
    return nil
  end

  local fourth = groups[WHOLE_GROUPS + 1]
  return format("%x:%x:%x:%x::/56", groups[1], groups[2], groups[3], fourth - fourth % 256)
end


-- The network of an address, or of a network's address.
function _M.network_of(text)
  local address = text:match("^[^/]+")
  local a, b, c = address:match("^(%d+)%.(%d+)%.(%d+)%.%d+$")
  if a then
    return format("%d.%d.%d.0/24", a, b, c)
  end

  return network_of_v6(address)
end


-- The /64 that counts as one client, of an IPv6 address or of a network's; nil for what is none.
function _M.line_of(text)
  local groups = text:find(":", 1, true) and first_groups(text)
  return groups and format("%x:%x:%x:%x::/64", groups[1], groups[2], groups[3], groups[4]) or nil
end


-- Who an incident says is suspected at least so much: a list of ids of a kind, without repetitions.
-- known: a set of ids that are left out, or nil.
function _M.suspects(incident, by, least, known)
  local found, seen = {}, {}
  local function add(id, suspicion)
    if id and not seen[id] and not (known and known[id]) and SUSPICION[suspicion] >= SUSPICION[least] then
      seen[id] = true
      found[#found + 1] = id
    end
  end

  if by == "client_ip" or by == "network" then
    for _, top in ipairs(incident.top_clients) do
      add(by == "network" and _M.network_of(top.client) or top.client, top.suspicion)
    end
  else
    for _, top in ipairs(incident.top_senders or {}) do
      add(top.by == by and top.id or nil, top.suspicion)
    end
  end

  return found
end


-- An identity of one sender at a place, as native.lua takes it. by: nil for that of nobody there.
function _M.identity(place, by, id)
  local address = (by == "client_ip" or by == "network") and id:match("^[^/]+")
  return {
    client_ip = address or "",
    workspace = place.workspace,
    route = place.route,
    service = place.service,
    consumer = by == "consumer" and id or "",
    credential = by == "credential" and id or "",
    session = by == "session" and id or nil,
  }
end


-- The measure that a ban is. when: what policies and operators may say, "always" or "signal".
_M.BANS = { always = "refuse", signal = "refuse_on_signal" }


-- What stands on one sender, as region.ban() takes it. measure: "refuse", "refuse_on_signal", "tag", "limit", "allow".
-- more: { scope, ttl_s, category, limit, window_s }.
function _M.measure(place, by, id, measure, more)
  local ban = _M.identity(place, by, id)
  ban.by = by
  ban.measure = measure
  for name, value in pairs(more) do
    ban[name] = value
  end

  return ban
end


-- Plans one measure for each of some senders: the record's `by`, `clients` and `changes`. by: nil for
-- addresses and networks in one.
function _M.plan(record, by, ids, measure, more)
  local changes = {}
  for i, id in ipairs(ids) do
    local kind = by or (id:find("/", 1, true) and "network" or "client_ip")
    changes[i] = { op = "ban", ban = _M.measure(record.place, kind, id, measure, more) }
  end

  record.by = by
  record.clients = ids
  record.changes = changes
end


return _M
