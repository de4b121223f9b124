-- Which phases a PDK function may be called in; the errors are Kong's.


local band, bor = bit.band, bit.bor


-- `response` never comes here; Kong's errors name it.
local PHASES = {
  init_worker = 0x00000001,
  rewrite = 0x00000010,
  access = 0x00000020,
  balancer = 0x00000040,
  response = 0x00000080,
  header_filter = 0x00000200,
  body_filter = 0x00000400,
  log = 0x00002000,
  error = 0x01000000,
  admin_api = 0x10000000,
}


local function names_of(mask)
  local found = {}
  for name, value in pairs(PHASES) do
    if band(mask, value) ~= 0 then
      found[#found + 1] = { name = name, value = value }
    end
  end
  table.sort(found, function(a, b) return a.value < b.value end)

  for i, entry in ipairs(found) do
    found[i] = entry.name
  end
  return table.concat(found, ", ")
end


-- Gives a function that raises, as from its caller's caller, outside the named phases.
local function only_in(...)
  local mask = 0
  for _, name in ipairs({ ... }) do
    mask = bor(mask, PHASES[name])
  end

  return function()
    local current = ngx.ctx.KONG_PHASE
    if not current then
      error("no phase in ngx.ctx.KONG_PHASE, (need one of " .. names_of(mask) .. ")", 3)
    end

    if band(PHASES[current], mask) == 0 then
      error("function cannot be called in " .. current .. " phase (only in: " .. names_of(mask) .. ")", 3)
    end
  end
end


return {
  only_in = only_in,
  in_request = only_in("rewrite", "access", "balancer", "response", "header_filter", "body_filter", "log",
                       "error", "admin_api"),
  after_auth = only_in("access", "response", "header_filter", "body_filter", "log"),
}
