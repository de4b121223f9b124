-- A plugin that does nothing, in the phases that threat-agent has: what Kong takes for having one at all.

local Empty = {
  PRIORITY = 1008,
  VERSION = "0.1.0",
}


function Empty:rewrite(conf)
end


function Empty:access(conf)
end


function Empty:body_filter(conf)
end


function Empty:log(conf)
end


return Empty
