-- Loads parts of the plugin outside a gateway, for unit specs.


local REPO = os.getenv("PWD")


package.path = REPO .. "/lua/?.lua;" .. REPO .. "/lua/?/init.lua;" .. package.path


local _M = { repo = REPO }


-- A plugin's schema, with what nginx would provide; this plugin's when none is named.
function _M.schema(name)
  _G.ngx = _G.ngx or { null = require("cjson").null }
  return require("kong.plugins." .. (name or "threat-agent") .. ".schema")
end


-- Runs the command-line tool; gives what it printed and whether it ended well.
function _M.cli(arguments)
  local pipe = io.popen(("%s/target/release/threat-agent %s 2>&1; echo status:$?"):format(REPO, arguments))
  local output, status = pipe:read("*a"):match("^(.-)status:(%d+)%s*$")
  pipe:close()
  return output, status == "0"
end


-- The Lua files below a folder of the repository, sorted.
function _M.lua_files(folder)
  local pipe = io.popen(("find %s/%s -name '*.lua' | sort"):format(REPO, folder))
  local files = {}
  for path in pipe:lines() do
    files[#files + 1] = path
  end

  pipe:close()
  return files
end


function _M.read(path)
  local file = assert(io.open(path:sub(1, 1) == "/" and path or REPO .. "/" .. path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end


return _M
