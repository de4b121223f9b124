-- What the store holds, as JSON Lines, page by page: a header says what to ask for next. A view takes
-- { query, workspace } and returns a status, a body and headers.

local settings = require "kong.plugins.threat-agent.settings"
local stores = require "kong.plugins.threat-agent.stores"


local DEFAULT_LINES, MAX_LINES = 1000, 10000


local _M = {}


local function export(kind)
  return function(ask)
    local conf = settings.platform()
    if not conf or ask.workspace ~= nil then
      return 404, { message = "no global instance of threat-agent here" }
    end

    local lines, more = stores.list(conf.store, {
      kind = kind,
      after = ask.query.after,
      limit = math.max(1, math.min(math.floor(tonumber(ask.query.limit) or DEFAULT_LINES), MAX_LINES)),
    })
    if not lines then
      return 503, { message = more }
    end

    lines[#lines + 1] = ""
    return 200, table.concat(lines, "\n"), {
      ["Content-Type"] = "application/x-ndjson",
      ["X-Threat-Agent-Next"] = more,
    }
  end
end

_M.incidents = export("incident")
_M.ledger = export("ledger")


return _M
