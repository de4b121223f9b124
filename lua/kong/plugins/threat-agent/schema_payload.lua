-- The schema of `config.payload`. Pure data.

local ACTIONS = { "allow", "tag", "throttle", "block" }

local MAX_EXCLUSIONS = 64
local MAX_TEXT = 512

local FAMILIES = {
  "sql_injection",
  "xss",
  "path_traversal",
  "file_inclusion",
  "command_injection",
  "code_injection",
  "template_injection",
  "nosql_injection",
  "ssrf",
  "xxe",
  "ldap_injection",
  "xpath_injection",
  "ssi_injection",
  "header_injection",
  "scanner",
  "exploited_path",
}


local function list(description, elements)
  return { description = description, type = "array", len_max = MAX_EXCLUSIONS, elements = elements }
end


local exclusion = {
  type = "record",
  fields = {
    { rules = list("Rules by id; `model` for the model where no rule speaks.",
                   { type = "string", len_max = MAX_TEXT }) },
    { families = list("Families, each with all of its rules.", { type = "string", one_of = FAMILIES }) },
    { locations = list("Locations as findings name them, * for any text; everywhere without any.",
                       { type = "string", len_max = MAX_TEXT }) },
    { paths = list("Whole paths, decoded and normalised, * for any text; on all without any.",
                   { type = "string", len_max = MAX_TEXT, match = "^[/*]" }) },
  },
  entity_checks = {
    { at_least_one_of = { "rules", "families" } },
    { at_least_one_of = { "locations", "paths" } },
  },
}


return {
  type = "record",
  required = true,
  fields = {
    { enabled = { type = "boolean", required = true, default = true } },
    { families = {
      description = "The attack families that are looked for.",
      type = "set",
      required = true,
      default = FAMILIES,
      elements = { type = "string", one_of = FAMILIES },
    } },
    { action = {
      description = "What happens at or above the threshold.",
      type = "string",
      required = true,
      default = "block",
      one_of = ACTIONS,
    } },
    { threshold = {
      description = "Anomaly score from which the action applies.",
      type = "number",
      required = true,
      default = 0.5,
      between = { 0, 1 },
    } },
    { thresholds = {
      description = "The same for what single families find, instead of threshold.",
      type = "map",
      required = true,
      default = {},
      keys = { type = "string", one_of = FAMILIES },
      values = { type = "number", between = { 0, 1 } },
    } },
    { detection_threshold = {
      description = "Anomaly score from which a finding is recorded and counted for incidents.",
      type = "number",
      required = true,
      default = 0.25,
      between = { 0, 1 },
    } },
    { on_uninspected = {
      description = "What happens to a request of which a part could not be inspected: it passes, passes with "
                    .. "a header for the upstream (`flag`), or is refused (`block`).",
      type = "string",
      required = true,
      default = "pass",
      one_of = { "pass", "flag", "block" },
    } },
    { exclusions = {
      description = "Findings that are left out, each where it is said.",
      type = "array",
      required = true,
      default = {},
      len_max = MAX_EXCLUSIONS,
      elements = exclusion,
    } },
    { shadow = {
      description = "Rules by id, and families, that are logged and never acted upon.",
      type = "array",
      required = true,
      default = {},
      len_max = MAX_EXCLUSIONS,
      elements = { type = "string", len_max = MAX_TEXT },
    } },
    { max_body_bytes = {
      description = "Of a longer body the first part is inspected.",
      type = "integer",
      required = true,
      default = 65536,
      between = { 0, 1048576 },
    } },
    { read_body_files = {
      description = "Whether a body that nginx spilled to disk is read (blocks while the disk answers).",
      type = "boolean",
      required = true,
      default = true,
    } },
    { api_spec = {
      description = "The API's document, OpenAPI 3 or Swagger 2, as JSON: what parameters are to look like, as "
                    .. "evidence, and which operations there are.",
      type = "string",
      len_max = 1048576,
    } },
    { positive_model = {
      description = "What the parameters of each route look like, learned from its traffic. It is evidence: it "
                    .. "makes a weak finding stronger, or weaker where many senders send the like; alone it is told.",
      type = "record",
      required = true,
      fields = {
        { enabled = { type = "boolean", required = true, default = true } },
        { min_senders = {
          description = "Different senders who must have shown what a parameter looks like before that counts.",
          type = "integer",
          required = true,
          default = 10,
          between = { 2, 1000 },
        } },
        { min_minutes = {
          description = "How long they must have done so, in minutes.",
          type = "integer",
          required = true,
          default = 1440,
          between = { 0, 40320 },
        } },
      },
    } },
  },
}
