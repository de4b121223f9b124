-- A stand-in for the part of Kong's acl plugin that finds a consumer's groups.


local runtime = require "gateway.runtime"


return {
  get_consumer_groups = function(consumer_id)
    return runtime.get().groups[consumer_id]
  end,
}
