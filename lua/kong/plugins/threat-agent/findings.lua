-- What the last review of the configuration found, in a file: the leader writes it, every worker reads it,
-- and the next leader knows what was told already.

local cjson = require "cjson.safe"
local config_review = require "kong.plugins.threat-agent.config_review"
local files = require "kong.plugins.threat-agent.files"


local ngx = ngx
local ipairs = ipairs
local pairs = pairs
local setmetatable = setmetatable


-- Findings that are kept; all are counted.
local MOST = 500

-- The leader raises it with each change, so that workers read the file only then.
local VERSION_KEY = "threat-agent:findings"


local _M = {}


local saved, version = nil, nil      -- as the file has it


local function count(findings)
  local counts = {}
  for _, kind in ipairs(config_review.KINDS) do
    counts[kind] = 0
  end
  for _, finding in ipairs(findings) do
    counts[finding.kind] = counts[finding.kind] + 1
  end

  return counts
end


-- nil as long as nothing was reviewed on this node.
local function read()
  local now = ngx.shared.kong:get(VERSION_KEY) or 0
  if version ~= now then
    local text = files.load(files.FINDINGS)
    local content = text and cjson.decode(text)
    saved, version = type(content) == "table" and content.data and content or nil, now
  end

  return saved
end


local function key_of(finding)
  return finding.kind .. "/" .. finding.id
end


-- Takes in what a review found; by the leader. Returns those that are new; nil and an error.
function _M.note(findings, now_s)
  local known, fresh = {}, {}
  local before = read()
  for _, finding in ipairs(before and before.data or {}) do
    known[key_of(finding)] = finding.since_s
  end

  local data = setmetatable({}, cjson.array_mt)
  for i = 1, math.min(#findings, MOST) do
    local finding = findings[i]
    finding.since_s = known[key_of(finding)] or now_s
    fresh[#fresh + 1] = not known[key_of(finding)] and finding or nil
    data[i] = finding
  end

  local ok, err = files.save(files.FINDINGS, cjson.encode({ counts = count(findings), data = data }))
  if not ok then
    return nil, err
  end

  ngx.shared.kong:incr(VERSION_KEY, 1, 0)
  return fresh
end


-- Lists the findings, by kind and name; they are shared and must not be changed. workspace: nil for all.
-- Returns nil where nothing was reviewed yet.
function _M.list(workspace)
  local content = read()
  if not content then
    return nil
  end

  local list = setmetatable({}, cjson.array_mt)
  for _, finding in ipairs(content.data) do
    if workspace == nil or finding.workspace == workspace then
      list[#list + 1] = finding
    end
  end

  return list
end


-- Counts findings: kind → number. nil where nothing was reviewed yet.
function _M.counts(workspace)
  local content = read()
  if not content then
    return nil
  end

  return workspace == nil and content.counts or count(_M.list(workspace))
end


-- Whether a finding that makes requests fail is about a route or service, or an upstream behind that.
local function concerns(finding, route, service)
  if finding.kind == "unauthenticated" then
    return false
  elseif finding.id == route or finding.id == service then
    return true
  end
  for _, id in pairs(finding.services or {}) do
    if id == service then
      return true
    end
  end

  return false
end


-- The sentences of what was found that may make requests of a route or service fail, by their ids.
function _M.about(route, service)
  local content, sentences = read(), {}
  for _, finding in ipairs(content and content.data or {}) do
    if concerns(finding, route, service) then
      sentences[#sentences + 1] = finding.reason
    end
  end

  return sentences
end


return _M
