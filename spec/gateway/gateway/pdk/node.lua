-- kong.node: this node's id, the same over reloads.


local uuid = require "gateway.uuid"


local KEY = "kong:node_id"


local node = {}


function node.get_id()
  local dict = ngx.shared.kong
  dict:safe_add(KEY, uuid.random())
  return dict:get(KEY)
end


function node.get_hostname()
  return ngx.var.hostname
end


return node
