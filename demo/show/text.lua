-- Words and numbers for people.

local _M = {}


-- Makes text from a client safe for a terminal: one line, printable.
function _M.printable(text)
  return (tostring(text):gsub("[^\32-\126]", "?"))
end


-- Cuts text to a width.
function _M.cut(text, width)
  if #text <= width then
    return text
  end

  return width > 3 and text:sub(1, width - 3) .. "..." or text:sub(1, width)
end


function _M.left(text, width)
  text = _M.cut(tostring(text), width)
  return text .. (" "):rep(width - #text)
end


function _M.right(text, width)
  text = tostring(text)
  return (" "):rep(width - #text) .. text
end


-- Writes 12345 as 12,345.
function _M.count(number)
  local text = string.format("%d", number)
  local rest = 1
  while rest > 0 do
    text, rest = text:gsub("^(%d+)(%d%d%d)", "%1,%2")
  end

  return text
end


local function by_count(counts)
  local names = {}
  for name in pairs(counts) do
    names[#names + 1] = name
  end

  table.sort(names, function(a, b)
    if counts[a] ~= counts[b] then
      return counts[a] > counts[b]
    end
    return a < b
  end)

  return names
end


-- Lists names by their counts, the largest first: "sqli, ban".
function _M.names(counts)
  return table.concat(by_count(counts), ", ")
end


-- Lists names with their counts, the largest first: "sqli 40, ban 3".
function _M.tally(counts)
  local names = by_count(counts)
  for i, name in ipairs(names) do
    names[i] = _M.printable(name) .. " " .. _M.count(counts[name])
  end

  return table.concat(names, ", ")
end


return _M
