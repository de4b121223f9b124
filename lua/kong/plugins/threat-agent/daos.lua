-- What the store `postgres` keeps, as an entity of Kong's database.

return {
  {
    name = "threat_agent_records",
    primary_key = { "id" },
    ttl = true,
    generate_admin_api = false,
    -- Records are nobody's configuration: not exported, not sent to data planes.
    db_export = false,
    fields = {
      { id = { type = "string", uuid = true, auto = true } },
      { kind = { type = "string", required = true, one_of = { "incident", "ledger", "change" } } },
      { key = { type = "string", required = true, len_max = 256 } },
      { at_s = { type = "integer", required = true } },
      { body = { type = "string", required = true } },
    },
  },
}
