-- Percent-encoding of one value in a query or a form.
return function(text)
  return (text:gsub("[^%w%-_%.~]", function(char)
    return string.format("%%%02X", char:byte())
  end))
end
