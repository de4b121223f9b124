-- The words that the configuration, the engine and the APIs share.

return {
  -- In the order of their numbers in the library.
  CATEGORIES = {
    "api_ddos",
    "credential_stuffing",
    "abuse",
    "payload_injection",
    "route_misconfiguration",
    "mass_error",
    "client_anomaly",
    "payload_outlier",
  },

  -- Consumers are places, too, by this service.
  CONSUMERS = "(consumers)",

  -- The mildest first.
  SEVERITIES = { "low", "medium", "high", "critical" },
  SEVERITY_RANKS = { low = 1, medium = 2, high = 3, critical = 4 },

  -- Actions that change no entity.
  IN_MEMORY = { "allow", "ban", "circuit_breaker", "concurrency_cap", "tag", "throttle" },

  -- States of an action, as sets. What stands holds for requests; what is being reverted holds until
  -- that is done; what is kept holds for good, and ends only by hand.
  STANDING = { active = true, applying = true },
  IN_FORCE = { active = true, applying = true, reverting = true },
  REVERTIBLE = { active = true, applying = true, kept = true },
  ENDED = {
    conflict = true,
    dry_run = true,
    expired = true,
    failed = true,
    handed_out = true,
    kept = true,
    refused = true,
    reverted = true,
  },
}
