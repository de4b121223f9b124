-- Lists in pages: `size` entries from `offset` on, as a query asks for.

local cjson = require "cjson.safe"


local USUAL_SIZE = 100
local MOST = 1000


local _M = {}


-- A whole number of the query; nil where it is none, or out of bounds.
local function whole(text, default, least, most)
  local number = text == nil and default or tonumber(text)
  return number and number >= least and number <= most and number % 1 == 0 and number or nil
end


-- Reads what a query asks for: { size, offset }; nil and what was expected.
function _M.read(query)
  local size, offset = whole(query.size, USUAL_SIZE, 1, MOST), whole(query.offset, 0, 0, 2 ^ 31)
  if not size or not offset then
    return nil, "size: expected 1 to " .. MOST .. "; offset: expected 0 or what a page gave"
  end

  return { size = size, offset = offset }
end


-- Cuts a page out of a list: { data, total, offset }, offset being the next page's, if there is one.
function _M.page(list, asked)
  local data = setmetatable({}, cjson.array_mt)
  for i = asked.offset + 1, math.min(asked.offset + asked.size, #list) do
    data[#data + 1] = list[i]
  end

  local next_offset = asked.offset + #data
  return { data = data, total = #list, offset = next_offset < #list and next_offset or nil }
end


return _M
