-- The body of a request that is signed: as it came, wherever nginx has put it.

local ngx = ngx
local pcall = pcall
local tonumber = tonumber


local _M = {}


-- Reads it; nil where there is none, its length is not said, or it is longer than `most` bytes.
function _M.read(most)
  local declared = tonumber(ngx.var.content_length)
  if not declared or declared > most or not pcall(ngx.req.read_body) then
    return nil
  end

  local body = ngx.req.get_body_data()
  if body then
    return body
  end

  -- One that nginx spilled lies in a file.
  local path = ngx.req.get_body_file()
  local file = path and io.open(path, "rb")
  body = file and file:read(most)
  if file then
    file:close()
  end
  return body
end


return _M
