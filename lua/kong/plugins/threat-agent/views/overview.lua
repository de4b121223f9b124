-- Everything that the dashboard shows, in one answer: it asks every two seconds.

local action_list = require "kong.plugins.threat-agent.action_list"
local bans = require "kong.plugins.threat-agent.views.bans"
local busy = require "kong.plugins.threat-agent.busy"
local cjson = require "cjson.safe"
local dry_run = require "kong.plugins.threat-agent.dry_run"
local feedback = require "kong.plugins.threat-agent.feedback"
local findings = require "kong.plugins.threat-agent.findings"
local incidents = require "kong.plugins.threat-agent.views.incidents"
local operations = require "kong.plugins.threat-agent.operations"
local status = require "kong.plugins.threat-agent.status"
local traffic_history = require "kong.plugins.threat-agent.traffic_history"


local kong = kong
local ngx = ngx


local INCIDENTS = 50
local ACTIONS = 100
local FINDINGS = 50
local OPERATIONS = 50


local _M = {}


local function latest_actions(ask)
  local all = action_list.list(ask.workspace)
  local list = setmetatable({}, cjson.array_mt)
  for i = 1, math.min(#all, ACTIONS) do
    list[i] = all[i]
  end

  return list
end


-- What the review of the configuration found; nil where nothing was reviewed yet.
local function review(ask)
  local list = findings.list(ask.workspace)
  local data = setmetatable({}, cjson.array_mt)
  for i = 1, math.min(list and #list or 0, FINDINGS) do
    data[i] = { kind = list[i].kind, reason = list[i].reason, since_s = list[i].since_s }
  end

  return list and { data = data, total = #list } or nil
end


-- The operations of APIs that stand out, shadows first; nil where none does.
local function stand_outs(ask)
  local found = operations.list(ask.workspace)
  local data, total = setmetatable({}, cjson.array_mt), 0
  for _, kind in ipairs({ "shadow", "zombie" }) do
    for _, one in ipairs(found[kind]) do
      total = total + 1
      data[#data + 1] = total <= OPERATIONS and {
        kind = kind, operation = one.operation, route_name = one.route_name, first_s = one.first_s, last_s = one.last_s,
      } or nil
    end
  end

  return total > 0 and { data = data, total = total } or nil
end


-- Gathers the overview. Where the library is missing, only the status is there.
function _M.get(ask)
  local overview = {
    now_s = ngx.time(),
    node_id = kong.node.get_id(),
    by = ask.by,
    role = ask.role,
    status = status.get(),
  }

  local code, page = incidents.list({ query = { size = INCIDENTS }, workspace = ask.workspace })
  if code == 200 then
    local _, standing = bans.list(ask)
    overview.incidents = page.data
    overview.incidents_total = page.total
    overview.actions = latest_actions(ask)
    overview.bans = standing
    overview.traffic = traffic_history.list()
    overview.routes = busy.routes(ask.workspace, ask.route)
    overview.clients = busy.clients(page.data)
    overview.review = review(ask)
    overview.operations = stand_outs(ask)
    overview.precision = feedback.precision(ask.workspace)
    -- Counted for the whole node: nothing for who sees one workspace only.
    overview.dry_run = ask.workspace == nil and dry_run.get() or nil
  end

  return 200, overview
end


return _M
