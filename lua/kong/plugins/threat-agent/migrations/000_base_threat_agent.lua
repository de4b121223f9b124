return {
  postgres = {
    up = [[
      CREATE TABLE IF NOT EXISTS "threat_agent_records" (
        "id"      UUID                      PRIMARY KEY,
        "kind"    TEXT,
        "key"     TEXT,
        "at_s"    BIGINT,
        "body"    TEXT,
        "ttl"     TIMESTAMP WITH TIME ZONE,
        "number"  BIGSERIAL
      );

      CREATE INDEX IF NOT EXISTS "threat_agent_records_ttl_idx" ON "threat_agent_records" ("ttl");
      CREATE INDEX IF NOT EXISTS "threat_agent_records_page_idx" ON "threat_agent_records" ("kind", "at_s", "number");
    ]],
  },
}
