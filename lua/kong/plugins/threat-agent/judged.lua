-- An incident as all have judged it: the engine, a language model, operators.

local feedback = require "kong.plugins.threat-agent.feedback"
local opinions = require "kong.plugins.threat-agent.opinions"


return function(incident)
  return feedback.weigh(opinions.add(incident))
end
