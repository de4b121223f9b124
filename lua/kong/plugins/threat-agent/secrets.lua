-- Secrets that lie in a vault, as they are now: they come later than the configuration, and may change.

local kong = kong
local pcall = pcall


-- Brings the fields of a record that refer to a vault up to date, in place. Where the vault cannot be
-- read, they stay as they were.
return function(record)
  local vault = kong.vault
  if vault and vault.update then
    pcall(vault.update, record)
  end
end
