return {
  "000_base_threat_agent",
}
