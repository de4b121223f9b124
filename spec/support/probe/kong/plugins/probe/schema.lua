local typedefs = require "kong.db.schema.typedefs"


return {
  name = "probe",
  fields = {
    { protocols = typedefs.protocols_http },
    { config = {
        type = "record",
        fields = {
          { label = { type = "string", required = true, default = "unnamed" } },
          { mode = { type = "string", required = true, default = "off", one_of = { "off", "on" } } },
          { count = { type = "integer", between = { 1, 10 } } },
          { ratio = { type = "number", gt = 0 } },
          { words = { type = "set", len_max = 3, elements = { type = "string", len_max = 5 } } },
          { names = { type = "array", required = true, default = {}, elements = { type = "string", match = "^%l+$" } } },
          { by_name = { type = "map", keys = { type = "string", len_min = 2 }, values = { type = "integer" } } },
          { limits = { type = "array", elements = {
              type = "record",
              fields = {
                { window = { type = "string", required = true, one_of = { "1s", "10s" } } },
                { limit = { type = "integer", required = true, default = 5, gt = 0 } },
                { scope = { type = "string" } },
              },
              entity_checks = {
                { conditional = { if_field = "window", if_match = { eq = "1s" },
                                  then_field = "scope", then_match = { required = true } } },
              },
          } } },
          { nested = { type = "record", required = true, fields = {
              { depth = { type = "integer", required = true, default = 1 } },
              { note = { type = "string" } },
              { other = { type = "string" } },
          }, entity_checks = { { mutually_required = { "note", "other" } } } } },
          { implied = { type = "record", fields = {
              { value = { type = "integer", required = true, default = 7 } },
          } } },
          { optional = { type = "record", required = false, fields = {
              { value = { type = "integer", required = true, default = 7 } },
          } } },
        },
        entity_checks = {
          { custom_entity_check = {
              field_sources = { "mode", "count" },
              fn = function(entity)
                if entity.mode == "on" and (entity.count == nil or entity.count == ngx.null) then
                  return nil, "mode on needs a count"
                end
                return true
              end,
          } },
        },
    } },
  },
}
