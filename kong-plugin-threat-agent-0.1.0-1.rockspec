package = "kong-plugin-threat-agent"
version = "0.1.0-1"
rockspec_format = "3.0"

source = {
  url = "git+https://github.com/threat-agent/threat-agent.git",
  tag = "v0.1.0",
}

description = {
  summary = "Detects and refuses attacks on APIs behind Kong Gateway",
  detailed = [[
    A Kong Gateway plugin. A Rust library judges each request: rate limits that all workers
    count as one, the operator's rules, and payload inspection for SQL injection, cross-site
    scripting and path traversal. The plugin's Lua acts on the verdict.
  ]],
  homepage = "https://github.com/threat-agent/threat-agent",
  license = "Apache-2.0",
  labels = { "kong", "kong-plugin", "security" },
}

supported_platforms = { "linux" }

-- LuaJIT, as Kong ships it. Kong brings lua-cjson along.
dependencies = {
  "lua >= 5.1, < 5.2",
}

-- Building takes a Rust of the version in Cargo.toml, or newer, and a C linker.
build = {
  type = "command",
  build_command = "cargo build --release --locked --target-dir target -p threat-agent-ffi",
  install = {
    lua = {
      ["kong.plugins.threat-agent.action_list"] = "lua/kong/plugins/threat-agent/action_list.lua",
      ["kong.plugins.threat-agent.actions.ban"] = "lua/kong/plugins/threat-agent/actions/ban.lua",
      ["kong.plugins.threat-agent.actions.disable_plugin"] = "lua/kong/plugins/threat-agent/actions/disable_plugin.lua",
      ["kong.plugins.threat-agent.actions.drain_target"] = "lua/kong/plugins/threat-agent/actions/drain_target.lua",
      ["kong.plugins.threat-agent.actions.hot_patch"] = "lua/kong/plugins/threat-agent/actions/hot_patch.lua",
      ["kong.plugins.threat-agent.actions.init"] = "lua/kong/plugins/threat-agent/actions/init.lua",
      ["kong.plugins.threat-agent.actions.ip_restriction"] = "lua/kong/plugins/threat-agent/actions/ip_restriction.lua",
      ["kong.plugins.threat-agent.actions.plugins"] = "lua/kong/plugins/threat-agent/actions/plugins.lua",
      ["kong.plugins.threat-agent.actions.rate_limiting"] = "lua/kong/plugins/threat-agent/actions/rate_limiting.lua",
      ["kong.plugins.threat-agent.actions.request_termination"] = "lua/kong/plugins/threat-agent/actions/request_termination.lua",
      ["kong.plugins.threat-agent.actions.reroute"] = "lua/kong/plugins/threat-agent/actions/reroute.lua",
      ["kong.plugins.threat-agent.actions.restrict_route"] = "lua/kong/plugins/threat-agent/actions/restrict_route.lua",
      ["kong.plugins.threat-agent.actions.rollback"] = "lua/kong/plugins/threat-agent/actions/rollback.lua",
      ["kong.plugins.threat-agent.actions.templates"] = "lua/kong/plugins/threat-agent/actions/templates.lua",
      ["kong.plugins.threat-agent.admin.dbless"] = "lua/kong/plugins/threat-agent/admin/dbless.lua",
      ["kong.plugins.threat-agent.admin.http"] = "lua/kong/plugins/threat-agent/admin/http.lua",
      ["kong.plugins.threat-agent.admin.init"] = "lua/kong/plugins/threat-agent/admin/init.lua",
      ["kong.plugins.threat-agent.admin.traditional"] = "lua/kong/plugins/threat-agent/admin/traditional.lua",
      ["kong.plugins.threat-agent.agent.changes"] = "lua/kong/plugins/threat-agent/agent/changes.lua",
      ["kong.plugins.threat-agent.agent.gate"] = "lua/kong/plugins/threat-agent/agent/gate.lua",
      ["kong.plugins.threat-agent.agent.init"] = "lua/kong/plugins/threat-agent/agent/init.lua",
      ["kong.plugins.threat-agent.agent.journal"] = "lua/kong/plugins/threat-agent/agent/journal.lua",
      ["kong.plugins.threat-agent.agent.ledger"] = "lua/kong/plugins/threat-agent/agent/ledger.lua",
      ["kong.plugins.threat-agent.agent.operations"] = "lua/kong/plugins/threat-agent/agent/operations.lua",
      ["kong.plugins.threat-agent.agent.planner"] = "lua/kong/plugins/threat-agent/agent/planner.lua",
      ["kong.plugins.threat-agent.agent.pseudonyms"] = "lua/kong/plugins/threat-agent/agent/pseudonyms.lua",
      ["kong.plugins.threat-agent.agent.responder"] = "lua/kong/plugins/threat-agent/agent/responder.lua",
      ["kong.plugins.threat-agent.agent.settings"] = "lua/kong/plugins/threat-agent/agent/settings.lua",
      ["kong.plugins.threat-agent.agent.sweeper"] = "lua/kong/plugins/threat-agent/agent/sweeper.lua",
      ["kong.plugins.threat-agent.api"] = "lua/kong/plugins/threat-agent/api.lua",
      ["kong.plugins.threat-agent.cdef"] = "lua/kong/plugins/threat-agent/cdef.lua",
      ["kong.plugins.threat-agent.commands"] = "lua/kong/plugins/threat-agent/commands.lua",
      ["kong.plugins.threat-agent.config_check"] = "lua/kong/plugins/threat-agent/config_check.lua",
      ["kong.plugins.threat-agent.deck"] = "lua/kong/plugins/threat-agent/deck.lua",
      ["kong.plugins.threat-agent.effect"] = "lua/kong/plugins/threat-agent/effect.lua",
      ["kong.plugins.threat-agent.entities"] = "lua/kong/plugins/threat-agent/entities.lua",
      ["kong.plugins.threat-agent.files"] = "lua/kong/plugins/threat-agent/files.lua",
      ["kong.plugins.threat-agent.guard"] = "lua/kong/plugins/threat-agent/guard.lua",
      ["kong.plugins.threat-agent.guards"] = "lua/kong/plugins/threat-agent/guards.lua",
      ["kong.plugins.threat-agent.handler"] = "lua/kong/plugins/threat-agent/handler.lua",
      ["kong.plugins.threat-agent.headers"] = "lua/kong/plugins/threat-agent/headers.lua",
      ["kong.plugins.threat-agent.incidents"] = "lua/kong/plugins/threat-agent/incidents.lua",
      ["kong.plugins.threat-agent.inspection"] = "lua/kong/plugins/threat-agent/inspection.lua",
      ["kong.plugins.threat-agent.names"] = "lua/kong/plugins/threat-agent/names.lua",
      ["kong.plugins.threat-agent.native"] = "lua/kong/plugins/threat-agent/native.lua",
      ["kong.plugins.threat-agent.outcome"] = "lua/kong/plugins/threat-agent/outcome.lua",
      ["kong.plugins.threat-agent.record"] = "lua/kong/plugins/threat-agent/record.lua",
      ["kong.plugins.threat-agent.request"] = "lua/kong/plugins/threat-agent/request.lua",
      ["kong.plugins.threat-agent.response"] = "lua/kong/plugins/threat-agent/response.lua",
      ["kong.plugins.threat-agent.schema"] = "lua/kong/plugins/threat-agent/schema.lua",
      ["kong.plugins.threat-agent.schema_response"] = "lua/kong/plugins/threat-agent/schema_response.lua",
      ["kong.plugins.threat-agent.snapshots"] = "lua/kong/plugins/threat-agent/snapshots.lua",
      ["kong.plugins.threat-agent.status"] = "lua/kong/plugins/threat-agent/status.lua",
      ["kong.plugins.threat-agent.status_api"] = "lua/kong/plugins/threat-agent/status_api.lua",
      ["kong.plugins.threat-agent.worker"] = "lua/kong/plugins/threat-agent/worker.lua",
    },
    lib = {
      ["libthreat_agent"] = "target/release/libthreat_agent.so",
    },
  },
}
