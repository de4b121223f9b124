std = "ngx_lua"
max_line_length = 140
unused_args = false
read_globals = {
  kong = {
    other_fields = true,
    fields = { ctx = { read_only = false, other_fields = true } },
  },
}
exclude_files = { "target", ".ci" }

files["rust/ffi/tests/support"] = { read_globals = { "headers" } }
files["spec"] = { std = "+busted" }
files["spec/gateway/gateway"] = { globals = { "kong" } }
-- A page, its style and its script, as text.
for _, name in ipairs({ "page", "script", "style" }) do
  files["lua/kong/plugins/threat-agent-dashboard/" .. name .. ".lua"] = { max_line_length = false }
end
-- Scripts for wrk.
files["bench"] = { globals = { "setup", "init", "delay", "request", "response", "done" }, read_globals = { "wrk" } }
