-- Addresses and names as they stand in the ledger: keyed hashes. The key is a month's; who deletes
-- its file has erased whom that month's lines are about, and the chain stays whole.

local files = require "kong.plugins.threat-agent.files"
local random = require "kong.plugins.threat-agent.random"
local region = require "kong.plugins.threat-agent.region"


local ngx = ngx


local KEY_BYTES = 32
local SHOWN = 16      -- characters of the hash


local _M = {}


local key, key_month


local function month_key()
  local month = os.date("!%Y-%m", ngx.time())
  if key_month ~= month then
    local name = "pseudonyms-" .. month .. ".key"
    key = files.load(name)
    if not key then
      key = random(KEY_BYTES)
      if not key or not files.save(name, key) then
        return nil
      end
    end
    key_month = month
  end

  return key
end


-- The pseudonym of a text; "unknown" where no key can be kept.
function _M.of(text)
  local secret = month_key()
  return secret and region.digest(secret, text):sub(1, SHOWN) or "unknown"
end


return _M
