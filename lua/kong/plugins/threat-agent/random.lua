-- Bytes that nobody can guess, from the kernel.

local io = io


-- Returns so many bytes; nil and an error where there are none.
return function(number)
  local source, err = io.open("/dev/urandom", "rb")
  if not source then
    return nil, "could not open " .. err
  end

  local bytes = source:read(number)
  source:close()
  return bytes and #bytes == number and bytes or nil, "could not read /dev/urandom"
end
