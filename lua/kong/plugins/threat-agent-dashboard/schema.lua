-- Pure data.

local function groups(description)
  return {
    description = description,
    type = "array",
    required = true,
    default = {},
    len_max = 64,
    elements = { type = "string", len_min = 1, len_max = 128 },
  }
end


return {
  name = "threat-agent-dashboard",
  fields = {
    { consumer = { type = "foreign", reference = "consumers", eq = ngx.null } },
    { service = { type = "foreign", reference = "services", eq = ngx.null } },
    { route = { type = "foreign", reference = "routes", required = true } },
    { protocols = {
      type = "set",
      required = true,
      default = { "http", "https" },
      elements = { type = "string", one_of = { "http", "https" } },
    } },
    { config = {
      type = "record",
      required = true,
      fields = {
        { viewer_groups = groups("Groups that may read; \"*\" is everybody whom Kong has authenticated.") },
        { operator_groups = groups("Groups that may read, approve, undo, ban and set the kill switch.") },
      },
    } },
  },
}
