-- The ledger's head, told to channels outside this node: who can write the file can cut its end off, and
-- not what others have been told (`threat-agent ledger verify --head`).

local cjson = require "cjson.safe"
local elapsed = require "kong.plugins.threat-agent.elapsed"
local events = require "kong.plugins.threat-agent.agent.events"
local failing = require "kong.plugins.threat-agent.agent.failing"
local files = require "kong.plugins.threat-agent.files"
local ledger = require "kong.plugins.threat-agent.agent.ledger"
local outbox = require "kong.plugins.threat-agent.agent.outbox"
local region = require "kong.plugins.threat-agent.region"


local kong = kong
local type = type


local _M = {}


local told = {}     -- channel → { head, at_s } of the last one


-- Takes up where the last leader stopped.
function _M.open()
  local saved = cjson.decode(files.load(files.ANCHORED) or "")
  told = type(saved) == "table" and saved or {}
end


local function signed(head, at_s, conf)
  local node, key = kong.node.get_id(), conf.response.ledger_key
  local said = { head = head, node = node, at_s = at_s }
  if type(key) == "string" and key ~= "" then
    said.signature = region.digest(key, "ledger.head " .. node .. " " .. at_s .. " " .. head)
  end

  return said
end


-- Tells a channel the head where it is due and new.
function _M.tell(to, conf, now_s)
  local every_s = to.channel.ledger_head_s
  local head, last = ledger.head(), told[to.name]
  if every_s == 0 or not head or last and (last.head == head or not elapsed(last.at_s, every_s, now_s)) then
    return
  end

  told[to.name] = { head = head, at_s = now_s }
  local ok, err = files.save(files.ANCHORED, cjson.encode(told))
  failing.check(ok, "write down which head was told", err)
  outbox.send(to, events.of_head(signed(head, now_s, conf), conf))
end


return _M
