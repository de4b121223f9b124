-- What monitor mode would have refused, and how much of it the upstream answered as it answers ordinary
-- requests: that part is worth a look before enforcing.

local cjson = require "cjson.safe"
local tally = require "kong.plugins.threat-agent.tally"


local ipairs = ipairs


local MOST_RULES = 32


local _M = {}


local function summed(series)
  local by_name, list = {}, {}
  for _, one in ipairs(series or {}) do
    local number, name, ended = one[1], one[2], one[3]
    local found = by_name[name]
    if not found then
      found = { name = name, refused = 0, went_well = 0 }
      by_name[name] = found
      list[#list + 1] = found
    end

    found.refused = found.refused + number
    found.went_well = found.went_well + (ended == "well" and number or 0)
  end

  table.sort(list, function(a, b)
    if a.refused ~= b.refused then
      return a.refused > b.refused
    end
    return a.name < b.name
  end)
  for i = #list, MOST_RULES + 1, -1 do
    list[i] = nil
  end
  return setmetatable(list, cjson.array_mt)
end


-- Sums up since the start: { refused, went_well, categories, rules }, both lists of { name, refused,
-- went_well }, the most first. A request counts for its strongest rule.
function _M.get()
  local counts = tally.read()
  local found = { refused = 0, went_well = 0, categories = summed(counts.would), rules = summed(counts.would_by) }
  for _, one in ipairs(found.categories) do
    found.refused = found.refused + one.refused
    found.went_well = found.went_well + one.went_well
  end

  return found
end


return _M
