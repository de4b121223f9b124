-- What the plugin shows and takes, once for all who mount it: the Admin API (api.lua), the Status API
-- (status_api.lua) and the dashboard's route (the plugin threat-agent-dashboard).
--
-- A view is a function of { params, query, body, by, workspace } that returns a status, a body (a
-- table, or text), and headers or nil. workspace: nil for all. From the dashboard, { role, route } are
-- there, too. Reading is for viewers, writing for operators.

local actions = require "kong.plugins.threat-agent.views.actions"
local allow = require "kong.plugins.threat-agent.views.allow"
local bans = require "kong.plugins.threat-agent.views.bans"
local baselines = require "kong.plugins.threat-agent.views.baselines"
local export = require "kong.plugins.threat-agent.views.export"
local feedback = require "kong.plugins.threat-agent.views.feedback"
local incidents = require "kong.plugins.threat-agent.views.incidents"
local metrics = require "kong.plugins.threat-agent.metrics"
local notifications = require "kong.plugins.threat-agent.views.notifications"
local overview = require "kong.plugins.threat-agent.views.overview"
local review = require "kong.plugins.threat-agent.views.review"
local status = require "kong.plugins.threat-agent.status"


local kong = kong
local ngx = ngx


local _M = {}


_M.ROUTES = {
  ["/status"] = {
    GET = function(ask)
      return 200, status.describe(ask.workspace)
    end,
  },

  ["/overview"] = { GET = overview.get },
  ["/incidents"] = {
    GET = function(ask)
      local view = ask.query.format == "jsonl" and export.incidents or incidents.list
      return view(ask)
    end,
  },
  ["/incidents/:id"] = { GET = incidents.get },
  ["/incidents/:id/feedback"] = { POST = feedback.give },
  ["/precision"] = { GET = feedback.precision },
  ["/explain/:reference"] = { GET = incidents.explain },
  ["/actions"] = { GET = actions.list },
  ["/actions/:id"] = { GET = actions.get },
  ["/actions/:id/:command"] = { POST = actions.command },
  ["/actions/:id/patch"] = { GET = actions.patch },
  ["/bans"] = { GET = bans.list, POST = bans.ban },
  ["/bans/:client"] = { DELETE = bans.lift },
  ["/allow"] = { GET = allow.list, POST = allow.allow },
  ["/allow/:client"] = { DELETE = allow.lift },
  ["/review"] = { GET = review.list },
  ["/baselines"] = { GET = baselines.list },
  ["/ledger"] = { GET = export.ledger },
  ["/notifications"] = { GET = notifications.list },
  ["/notifications/test"] = { POST = notifications.test },
  ["/kill"] = { POST = actions.kill, DELETE = actions.unkill },

  ["/metrics"] = {
    GET = function()
      return 200, metrics.text(), { ["Content-Type"] = "text/plain; version=0.0.4; charset=utf-8" }
    end,
  },
}


-- Tells the pattern and the names of a path such as "/actions/:id/:command".
local function compile(path)
  local names = {}
  local pattern = path:gsub(":(%l+)", function(name)
    names[#names + 1] = name
    return "([^/]+)"
  end)

  return { pattern = "^" .. pattern .. "$", names = names, views = _M.ROUTES[path] }
end


local compiled = {}
for path in pairs(_M.ROUTES) do
  compiled[#compiled + 1] = compile(path)
end


-- Fixed paths come before those with more names in them.
table.sort(compiled, function(a, b)
  return #a.names < #b.names
end)


-- The workspace that a request asks in; nil for all: the default one is the platform's.
function _M.workspace()
  local id = ngx.ctx.workspace
  return id ~= kong.default_workspace and id or nil
end


-- Finds the views of a path by method, and the path's parameters; nil when there are none.
function _M.find(path)
  for _, route in ipairs(compiled) do
    local captures = { path:match(route.pattern) }
    if captures[1] then
      local params = {}
      for i, name in ipairs(route.names) do
        params[name] = ngx.unescape_uri(captures[i])
      end
      return route.views, params
    end
  end
end


return _M
