-- What the node counts, for Prometheus: as text of its own, and through Kong's prometheus plugin
-- where that is loaded (see prometheus.lua).

local action_list = require "kong.plugins.threat-agent.action_list"
local baselines = require "kong.plugins.threat-agent.baselines"
local config_review = require "kong.plugins.threat-agent.config_review"
local feedback = require "kong.plugins.threat-agent.feedback"
local findings = require "kong.plugins.threat-agent.findings"
local incidents = require "kong.plugins.threat-agent.incidents"
local library = require "kong.plugins.threat-agent.library"
local native = require "kong.plugins.threat-agent.native"
local notices = require "kong.plugins.threat-agent.agent.notices"
local settings = require "kong.plugins.threat-agent.settings"
local status = require "kong.plugins.threat-agent.status"
local tally = require "kong.plugins.threat-agent.tally"
local vocabulary = require "kong.plugins.threat-agent.vocabulary"


local ipairs = ipairs
local concat = table.concat


-- Those that stand or wait, and how they end.
local STATES = {
  "pending", "applying", "active", "kept", "reverting", "reverted", "expired", "dry_run", "refused", "failed", "conflict",
  "handed_out",
}


local _M = {}


-- All metrics: name (without prefix), type, help, and the labels' names. Label values are words of the
-- plugin, the engine or the configuration.
_M.LIST = {
  { "enforcing", "gauge", "1 when refusals are carried out and the self-test has passed." },
  { "self_test_passed", "gauge", "1 when each worker's engine refused its own start-up attack." },
  { "bypass", "gauge", "1 while the engine is not called because workers died inside it." },
  { "kill_switch", "gauge", "1 while the agent's actions are switched off." },
  { "workers", "gauge", "Workers that count in the region." },
  { "requests_total", "counter", "Requests by verdict, in monitor mode as well.", { "verdict" } },
  { "findings_total", "counter", "Requests that something was found in, by category and verdict.", { "category", "verdict" } },
  { "score", "histogram", "Anomaly scores of requests that something was found in." },
  { "inspection_seconds", "histogram", "Time in the engine of one inspection in 16." },
  { "would_refuse_total", "counter", "Requests that monitor mode would have refused, by category and how they ended.",
    { "category", "ended" } },
  { "shadow_total", "counter", "Requests on which a shadow rule spoke, by what would have been done.",
    { "rule", "verdict" } },
  { "attempts_total", "counter", "Payload findings that were let through, by what their responses tell.", { "outcome" } },
  { "uninspected_requests_total", "counter", "Requests of which a part was not inspected." },
  { "uninspected_bytes_total", "counter", "Bytes that were not inspected." },
  { "uninspected_reasons_total", "counter", "Requests of which a part was not inspected, by reason.", { "reason" } },
  { "panics_total", "counter", "Panics that were caught in the engine." },
  { "bans", "gauge", "Bans that stand." },
  { "region_bytes", "gauge", "Size of the shared region." },
  { "region_keys", "gauge", "Keys that are counted in the region." },
  { "region_capacity_keys", "gauge", "Keys that the region has room for." },
  { "incidents_open", "gauge", "Open incidents by category.", { "category" } },
  { "baseline_drifts", "gauge", "Changes of what is normal that were told within 30 days, by metric.", { "metric" } },
  { "config_findings", "gauge", "What the review of the configuration found.", { "kind" } },
  { "feedback", "gauge", "Incidents that operators judged within 30 days.", { "category", "verdict" } },
  { "opinions_total", "counter", "Questions to the language model, by what came of them.", { "result" } },
  { "actions", "gauge", "Actions that the agent keeps, by state.", { "state" } },
  { "actions_total", "counter", "Actions by type and each state that they came to.", { "action", "state" } },
  { "action_results_total", "counter", "Verified actions by type and what came of them.", { "action", "result" } },
  { "notifications_total", "counter", "Messages by channel, sent or lost; the store is a channel.", { "channel", "result" } },
  { "notifications_waiting", "gauge", "Messages that wait, by channel.", { "channel" } },
}


local function scaled(bounds, unit)
  local list = {}
  for i, bound in ipairs(bounds) do
    list[i] = bound * unit
  end

  return list
end


-- Upper bounds of the histograms' buckets.
_M.BOUNDS = {
  score = tally.SCORES,
  inspection_seconds = scaled(native.TIMINGS_US, 1e-6),
}


local function number(truth)
  return truth and 1 or 0
end


-- Counts items by name, as a series for each of the names.
local function count_by(names, list, name_of)
  local counts = {}
  for _, item in ipairs(list) do
    local name = name_of(item)
    if name then
      counts[name] = (counts[name] or 0) + 1
    end
  end

  local series = {}
  for i, name in ipairs(names) do
    series[i] = { counts[name] or 0, name }
  end
  return series
end


local function of_node(node)
  return {
    bypass = number(node.bypass),
    workers = node.workers,
    requests_total = {
      { node.allowed, "allow" }, { node.tagged, "tag" }, { node.throttled, "throttle" }, { node.blocked, "block" },
    },
    uninspected_requests_total = node.uninspected_requests,
    uninspected_bytes_total = node.uninspected_bytes,
    panics_total = node.panics,
    bans = node.bans,
    region_bytes = node.region_bytes,
    region_keys = node.live_keys,
    region_capacity_keys = node.capacity_keys,
  }
end


-- Makes a histogram of counts by the bucket's number.
local function histogram(series, bounds, sum)
  local counts = {}
  for _, one in ipairs(series or {}) do
    counts[tonumber(one[2])] = one[1]
  end

  local buckets, all = {}, 0
  for i = 1, #bounds do
    all = all + (counts[i] or 0)
    buckets[i] = { all, ("%.14g"):format(bounds[i]) }
  end
  all = all + (counts[#bounds + 1] or 0)
  buckets[#buckets + 1] = { all, "+Inf" }
  return { buckets = buckets, count = all, sum = sum and sum[1][1] or 0 }
end


local function of_tally()
  local counts = tally.read()
  return {
    findings_total = counts.category,
    score = histogram(counts.score, _M.BOUNDS.score, counts.score_sum),
    inspection_seconds = histogram(counts.inspection, _M.BOUNDS.inspection_seconds, counts.inspection_sum),
    would_refuse_total = counts.would,
    shadow_total = counts.shadow,
    attempts_total = counts.attempt,
    uninspected_reasons_total = counts.uninspected,
    actions_total = counts.action,
    action_results_total = counts.action_result,
    opinions_total = counts.opinion,
  }
end


-- All series, those of nobody too: what was forgotten goes back to 0 where it is scraped.
local function of_feedback()
  local judged, series = {}, {}
  for _, one in ipairs(feedback.precision().categories) do
    judged[one.name] = one
  end
  for _, category in ipairs(vocabulary.CATEGORIES) do
    local one = judged[category] or { confirmed = 0, false_alarms = 0 }
    series[#series + 1] = { one.confirmed, category, "attack" }
    series[#series + 1] = { one.false_alarms, category, "false_alarm" }
  end

  return series
end


-- nil as long as nothing was reviewed.
local function of_review()
  local counts = findings.counts()
  local series = {}
  for i, kind in ipairs(config_review.KINDS) do
    series[i] = { counts and counts[kind] or 0, kind }
  end

  return counts and series
end


local function of_baselines()
  local counts, series = baselines.drifts(), {}
  for i, metric in ipairs(baselines.METRICS) do
    series[i] = { counts[metric] or 0, metric }
  end

  return series
end


local function add_channels(values)
  local conf = settings.platform()
  local total, waiting = {}, {}
  for _, channel in ipairs(conf and notices.list(conf) or {}) do
    total[#total + 1] = { channel.sent, channel.name, "sent" }
    total[#total + 1] = { channel.lost, channel.name, "lost" }
    waiting[#waiting + 1] = { channel.waiting, channel.name }
  end

  values.notifications_total, values.notifications_waiting = total, waiting
end


-- Reads all values: name → a number; or a list of { number, label's value, … }; or a histogram
-- { buckets, sum, count }, its buckets such a list.
function _M.read()
  local now = status.get()
  local values = of_tally()
  for name, value in pairs(now.node and of_node(now.node) or {}) do
    values[name] = value
  end
  values.enforcing = number(now.enforcing)
  values.self_test_passed = number(now.self_test and now.self_test.passed)
  values.kill_switch = number(now.actions and now.actions.killed)

  if library.load() then
    values.incidents_open = count_by(vocabulary.CATEGORIES, incidents.list() or {}, function(incident)
      return incident.status ~= "resolved" and incident.category
    end)
    values.actions = count_by(STATES, action_list.list(), function(record)
      return record.state
    end)
    values.feedback = of_feedback()
    values.baseline_drifts = of_baselines()
    values.config_findings = of_review()
    add_channels(values)
  end

  return values
end


-- Values of labels as the text format has them.
local function escape(text)
  return (tostring(text):gsub("\\", "\\\\"):gsub('"', '\\"'):gsub("\n", "\\n"))
end


local function line(name, labels, series)
  local pairs_of = {}
  for i, label in ipairs(labels) do
    pairs_of[i] = label .. '="' .. escape(series[i + 1]) .. '"'
  end

  return ("%s{%s} %.14g"):format(name, concat(pairs_of, ","), series[1])
end


local function add_lines(lines, name, labels, value)
  if type(value) == "number" then
    lines[#lines + 1] = ("%s %.14g"):format(name, value)
  elseif value.buckets then
    add_lines(lines, name .. "_bucket", { "le" }, value.buckets)
    add_lines(lines, name .. "_sum", nil, value.sum)
    add_lines(lines, name .. "_count", nil, value.count)
  else
    for _, series in ipairs(value) do
      lines[#lines + 1] = line(name, labels, series)
    end
  end
end


-- Writes all metrics in Prometheus's text format.
function _M.text()
  local values = _M.read()
  local lines = {}
  for _, metric in ipairs(_M.LIST) do
    local name, value = "threat_agent_" .. metric[1], values[metric[1]]
    if value ~= nil then
      lines[#lines + 1] = "# HELP " .. name .. " " .. metric[3]
      lines[#lines + 1] = "# TYPE " .. name .. " " .. metric[2]
      add_lines(lines, name, metric[4], value)
    end
  end

  return concat(lines, "\n") .. "\n"
end


return _M
