-- What goes on failing until something outside is mended, a full disk say: it is said once, and once that it works again.

local kong = kong


local _M = {}


local failing = {}     -- what could not be done → true


-- Takes in how something went that is done again and again. what: to do what, in words that stay the same; err: why not;
-- level: of the log, "err" where none is named. Returns ok.
function _M.check(ok, what, err, level)
  if ok and failing[what] then
    failing[what] = nil
    kong.log.notice("it works again to ", what)
  elseif not ok and not failing[what] then
    failing[what] = true
    kong.log[level or "err"]("could not ", what, ": ", err)
  end

  return ok
end


return _M
