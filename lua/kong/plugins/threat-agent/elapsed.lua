-- Whether so long has gone by since a time. Where the clock was set back behind it nobody knows, and what waits for that
-- is not to wait until the clock is there again. Units: seconds.
return function(since_s, length_s, now_s)
  return now_s - since_s >= length_s or now_s < since_s
end
