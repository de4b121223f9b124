-- Reads what run.sh measured, prints medians and ratios, and draws them.
--   luajit bench/report.lua results.csv picture.svg
--
-- A ratio compares two configurations within each round; its interval (95 %) is a percentile
-- bootstrap of the median of these pairs.

local RESAMPLES = 4000
local COLORS = { "#94a3b8", "#2563eb", "#d97706", "#16a34a" }
local TITLES = {
  ["get-100b"] = "GET, 100 B query",
  ["post-2kb"] = "POST, 2 KB JSON",
  ["post-8kb"] = "POST, 8 KB JSON",
  ["get-100b@5000"] = "GET at 5,000/s",
  ["post-2kb@5000"] = "2 KB at 5,000/s",
}


local function read(path)
  local notes, rows, names = {}, {}, nil
  for line in assert(io.lines(path)) do
    if line:sub(1, 1) == "#" then
      notes[#notes + 1] = line:sub(3)
    else
      local cells = {}
      for cell in (line .. ","):gmatch("([^,]*),") do
        cells[#cells + 1] = cell
      end
      if not names then
        names = cells
      else
        local row = {}
        for i, name in ipairs(names) do
          row[name] = tonumber(cells[i]) or cells[i]
        end
        rows[#rows + 1] = row
      end
    end
  end

  return notes, rows
end


-- Orders the distinct values of a column as they came in the first round.
local function distinct(rows, column)
  local seen, list = {}, {}
  for _, row in ipairs(rows) do
    if not seen[row[column]] then
      seen[row[column]] = true
      list[#list + 1] = row[column]
    end
  end

  return list
end


local function quantile(sorted, q)
  local place = 1 + q * (#sorted - 1)
  local low = math.floor(place)
  local high = math.min(#sorted, low + 1)
  return sorted[low] + (place - low) * (sorted[high] - sorted[low])
end


local function median(values)
  local sorted = { unpack(values) }
  table.sort(sorted)
  return quantile(sorted, 0.5)
end


-- Returns the median of values and its interval.
local function estimate(values)
  math.randomseed(1)
  local medians = {}
  for i = 1, RESAMPLES do
    local sample = {}
    for j = 1, #values do
      sample[j] = values[math.random(#values)]
    end
    medians[i] = median(sample)
  end

  table.sort(medians)
  return { mid = median(values), low = quantile(medians, 0.025), high = quantile(medians, 0.975) }
end


local function column(rows, scenario, config, name)
  local values = {}
  for _, row in ipairs(rows) do
    if row.scenario == scenario and row.config == config then
      values[row.round] = row[name]
    end
  end

  return values
end


-- Divides round by round.
local function ratios(values, base)
  local out = {}
  for round, value in ipairs(values) do
    out[round] = value / base[round]
  end

  return out
end


local function summarize(rows)
  local scenarios, configs = distinct(rows, "scenario"), distinct(rows, "config")
  local summary = { scenarios = scenarios, configs = configs }
  for _, scenario in ipairs(scenarios) do
    local base = column(rows, scenario, configs[1], "cpu_us_per_request")
    summary[scenario] = {}
    for _, config in ipairs(configs) do
      local function values(name)
        return column(rows, scenario, config, name)
      end

      local failed = 0
      for _, count in ipairs(values("failed")) do
        failed = failed + count
      end

      local instructions = values("instructions_per_request")
      summary[scenario][config] = {
        cpu = estimate(values("cpu_us_per_request")),
        ratio = estimate(ratios(values("cpu_us_per_request"), base)),
        rate = median(values("requests_per_s")),
        p50 = median(values("p50_us")),
        p99 = estimate(values("p99_us")),
        instructions = type(instructions[1]) == "number" and median(instructions) or nil,
        failed = failed,
      }
    end
  end

  return summary
end


local function print_summary(notes, summary)
  print("")
  for _, note in ipairs(notes) do
    print(note)
  end

  for _, scenario in ipairs(summary.scenarios) do
    print("\n" .. (TITLES[scenario] or scenario))
    print(string.format("  %-14s %10s %22s %10s %9s %9s %8s", "", "CPU us/req", "x bare (95 %)",
      "req/s", "p50 ms", "p99 ms", "failed"))
    for _, config in ipairs(summary.configs) do
      local one = summary[scenario][config]
      print(string.format("  %-14s %10.1f %8.3f (%.3f-%.3f) %9.0f %9.2f %9.2f %8d%s", config, one.cpu.mid,
        one.ratio.mid, one.ratio.low, one.ratio.high, one.rate, one.p50 / 1000, one.p99.mid / 1000, one.failed,
        one.instructions and string.format("  %.0f instructions/req", one.instructions) or ""))
    end
  end
  print("")
end


local WIDTH, LEFT, RIGHT, PLOT = 960, 70, 20, 210


local function escape(text)
  return (text:gsub("[&<>]", { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;" }))
end


local function nice_step(top)
  local step = 10 ^ math.floor(math.log10(top))
  for _, factor in ipairs({ 0.1, 0.2, 0.25, 0.5, 1 }) do
    if top / (step * factor) <= 6 then
      return step * factor
    end
  end

  return step * 2
end


-- Draws one panel of bars. value(one): { mid, low, high }; label(one): the text above a bar.
local function panel(out, summary, top_y, title, unit, value, label)
  local function put(...)
    out[#out + 1] = string.format(...)
  end

  local highest = 0
  for _, scenario in ipairs(summary.scenarios) do
    for _, config in ipairs(summary.configs) do
      highest = math.max(highest, value(summary[scenario][config]).high)
    end
  end

  local step = nice_step(highest * 1.15)
  local top = math.ceil(highest * 1.15 / step) * step
  local bottom_y = top_y + PLOT
  local function y_of(number)
    return bottom_y - number / top * PLOT
  end

  put('<text x="%d" y="%d" class="title">%s</text>', LEFT, top_y - 14, escape(title))
  put('<text transform="translate(18 %d) rotate(-90)" class="axis" text-anchor="middle">%s</text>',
    top_y + PLOT / 2, escape(unit))
  for i = 0, math.floor(top / step + 0.5) do
    put('<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" class="%s"/>', LEFT, WIDTH - RIGHT, y_of(i * step), y_of(i * step),
      i == 0 and "base" or "grid")
    put('<text x="%d" y="%.1f" class="axis" text-anchor="end">%g</text>', LEFT - 8, y_of(i * step) + 4, i * step)
  end

  local group = (WIDTH - LEFT - RIGHT) / #summary.scenarios
  local bar = math.min(64, group * 0.8 / #summary.configs)
  for i, scenario in ipairs(summary.scenarios) do
    local center = LEFT + group * (i - 0.5)
    put('<text x="%.1f" y="%d" class="name" text-anchor="middle">%s</text>', center, bottom_y + 20,
      escape(TITLES[scenario] or scenario))
    for j, config in ipairs(summary.configs) do
      local one = summary[scenario][config]
      local found = value(one)
      local x = center + (j - 1 - #summary.configs / 2) * bar
      local middle = x + bar / 2
      put('<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s" rx="2"/>', x + 3, y_of(found.mid),
        bar - 6, bottom_y - y_of(found.mid), COLORS[(j - 1) % #COLORS + 1])
      put('<path d="M%.1f %.1fV%.1fM%.1f %.1fh8M%.1f %.1fh8" class="range"/>', middle, y_of(found.low),
        y_of(found.high), middle - 4, y_of(found.low), middle - 4, y_of(found.high))
      local lines = label(one)
      for k = 1, #lines do
        put('<text x="%.1f" y="%.1f" class="value" text-anchor="middle">%s</text>', middle,
          y_of(found.high) - 6 - (#lines - k) * 13, escape(lines[k]))
      end
    end
  end
end


local function draw(path, notes, summary)
  local height = 2 * (PLOT + 90) + 60 + 18 * #notes
  local out = {
    string.format('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d">',
      WIDTH, height, WIDTH, height),
    "<style>text{font-family:'DejaVu Sans',Helvetica,Arial,sans-serif;fill:#1e293b}"
      .. ".title{font-size:16px;font-weight:bold}.axis{font-size:12px;fill:#475569}.name{font-size:13px}"
      .. ".value{font-size:11px}.note{font-size:11px;fill:#64748b}.grid{stroke:#e2e8f0}.base{stroke:#475569}"
      .. ".range{stroke:#1e293b;stroke-width:1.2;fill:none}</style>",
    '<rect width="100%" height="100%" fill="#ffffff"/>',
  }

  local x = LEFT
  for j, config in ipairs(summary.configs) do
    out[#out + 1] = string.format('<rect x="%d" y="18" width="14" height="14" rx="2" fill="%s"/>'
      .. '<text x="%d" y="30" class="name">%s</text>', x, COLORS[(j - 1) % #COLORS + 1], x + 20, escape(config))
    x = x + 50 + 8 * #config
  end

  panel(out, summary, 76, "CPU time of the gateway's workers per request, and its ratio to the bare gateway",
    "microseconds", function(one) return one.cpu end, function(one)
      return { string.format("%.0f", one.cpu.mid), string.format("x%.2f", one.ratio.mid) }
    end)
  panel(out, summary, 76 + PLOT + 90, "99th percentile of latency: flat out in a closed loop, and at a given rate", "milliseconds",
    function(one)
      return { mid = one.p99.mid / 1000, low = one.p99.low / 1000, high = one.p99.high / 1000 }
    end, function(one)
      return { string.format("%.3g", one.p99.mid / 1000) }
    end)

  local y = 76 + 2 * (PLOT + 90) - 40
  for i, note in ipairs(notes) do
    out[#out + 1] = string.format('<text x="%d" y="%d" class="note">%s</text>', LEFT, y + 18 * i, escape(note))
  end
  out[#out + 1] = string.format('<text x="%d" y="%d" class="note">bars: medians; whiskers: 95 %% bootstrap intervals</text>',
    LEFT, y + 18 * (#notes + 1))
  out[#out + 1] = "</svg>\n"

  local file = assert(io.open(path, "w"))
  file:write(table.concat(out, "\n"))
  file:close()
end


local notes, rows = read(assert(arg[1], "usage: report.lua results.csv picture.svg"))
local summary = summarize(rows)
print_summary(notes, summary)
if arg[2] then
  draw(arg[2], notes, summary)
end
