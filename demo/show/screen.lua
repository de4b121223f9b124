-- The live table: redrawn in place on a terminal, printed now and then elsewhere.

local text = require "show.text"


local REDRAW_S = 0.5
local REPRINT_S = 5

local UP = "\27[%dA"
local CLEAR_LINE = "\27[2K"
local DIM, BOLD, RED, GREEN, YELLOW, PLAIN = "\27[2m", "\27[1m", "\27[31m", "\27[32m", "\27[33m", "\27[0m"

local COLORS = { passed = GREEN, tagged = YELLOW, throttled = YELLOW, refused = RED }


local Screen = {}
Screen.__index = Screen


-- width: columns of the terminal; nil when there is none.
function Screen.new(width)
  return setmetatable({
    live = width ~= nil,
    width = width or 110,
    drawn = 0,
    interval_s = width and REDRAW_S or REPRINT_S,
  }, Screen)
end


function Screen:paint(color, line)
  return self.live and color .. line .. PLAIN or line
end


local COLUMNS = { "passed", "tagged", "throttled", "refused" }


function Screen:row(actor, stage, entry)
  local cells = {
    text.left(actor.name, 15),
    text.right(stage.sent > 0 and text.count(stage.sent) or "", 6),
  }

  for _, column in ipairs(COLUMNS) do
    local cell = text.right(entry[column] > 0 and text.count(entry[column]) or "", #column + 2)
    cells[#cells + 1] = entry[column] > 0 and self:paint(COLORS[column], cell) or cell
  end

  local why = text.tally(entry.rules)
  if next(entry.categories) then
    why = text.names(entry.categories) .. ": " .. why
  end

  cells[#cells + 1] = "  " .. text.cut(why, math.max(10, self.width - 60))
  return table.concat(cells)
end


local function node_line(node)
  if not node then
    return "node: no answer from the Admin API yet"
  elseif not node.node then
    return "node: " .. text.printable(node.error or "unknown")
  end

  local state = node.node
  return string.format("node: %s, %d workers counting as %s, %s requests, %s clients and routes known, %d bans",
    node.enforcing and "enforcing" or "NOT enforcing", state.workers, state.shared and "one" or "MANY",
    text.count(state.requests), text.count(state.live_keys), state.bans)
end


function Screen:lines(show)
  local lines = {
    self:paint(BOLD, string.format("threat-agent in front of a shop · %s · %d of %d s",
      show.gateway, math.floor(show.elapsed_s), show.seconds)),
    "",
    self:paint(DIM, text.left("who", 15) .. text.right("sent", 6)
      .. "  passed  tagged  throttled  refused  why, as the gateway logged it"),
  }

  for _, actor in ipairs(show.actors) do
    lines[#lines + 1] = self:row(actor, show.stages[actor.name], show.watch.entries[actor.name])
  end

  lines[#lines + 1] = ""
  lines[#lines + 1] = text.cut(node_line(show.node), self.width - 1)

  if self.live then
    lines[#lines + 1] = ""
    lines[#lines + 1] = self:paint(DIM, "latest refusals")
    for _, one in ipairs(show.watch.recent) do
      lines[#lines + 1] = text.cut(string.format("%d %-15s %s %s  %s %s", one.status, one.actor, one.incident or "-",
        text.printable(one.rules), one.method, text.printable(one.target)), self.width - 1)
    end
  end

  return lines
end


-- Draws the show as it stands.
function Screen:draw(show)
  local lines = self:lines(show)
  if not self.live then
    io.write(table.concat(lines, "\n"), "\n\n")
    io.flush()
    return
  end

  local out = { self.drawn > 0 and UP:format(self.drawn) or "" }
  for i = 1, math.max(#lines, self.drawn) do
    out[#out + 1] = CLEAR_LINE .. (lines[i] or "") .. "\n"
  end

  self.drawn = math.max(#lines, self.drawn)
  io.write(table.concat(out))
  io.flush()
end


return Screen
