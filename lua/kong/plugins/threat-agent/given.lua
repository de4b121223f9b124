-- A value of a configuration or of JSON; nil where it is null.

local null = ngx.null


return function(value)
  if value ~= null then
    return value
  end
end
