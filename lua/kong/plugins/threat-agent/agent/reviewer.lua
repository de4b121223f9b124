-- Has the configuration reviewed when it has changed, and tells the log what is new.

local config_review = require "kong.plugins.threat-agent.config_review"
local findings = require "kong.plugins.threat-agent.findings"


local kong = kong
local ipairs = ipairs


-- Lines that one review may write.
local MOST_TOLD = 20


local _M = {}


local function review(all, now_s)
  local fresh, err = findings.note(config_review.find(all, kong.configuration.router_flavor), now_s)
  if not fresh then
    return nil, "could not keep the review of the configuration: " .. err
  end

  for i, finding in ipairs(fresh) do
    if i > MOST_TOLD then
      kong.log.notice("configuration: ", #fresh - MOST_TOLD, " more findings, see /threat-agent/review")
      break
    end
    kong.log.notice("configuration: ", finding.reason)
  end

  return true
end


-- Reviews all entities, as snapshots.follow gives them. Returns nil and an error; never raises, because
-- what follows in the leader's beat matters more.
function _M.review(all, now_s)
  local ok, done, err = pcall(review, all, now_s)
  if not ok then
    return nil, "could not review the configuration: " .. done
  end

  return done, err
end


return _M
