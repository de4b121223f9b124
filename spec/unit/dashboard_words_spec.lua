-- The dashboard has words for all that it may have to show.


local plugin = require "spec.support.plugin"


local REPO = plugin.repo


local function read(path)
  local file = assert(io.open(REPO .. path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end


describe("the dashboard's words", function()
  local script = dofile(REPO .. "/lua/kong/plugins/threat-agent-dashboard/script.lua")

  -- The names in a table of the script.
  local function named(constant)
    local found = {}
    for name in script:match("const " .. constant .. " = (%b{})"):gmatch("([%l_]+): [%[\"]") do
      found[#found + 1] = name
    end
    table.sort(found)
    return found
  end


  it("name each action", function()
    local actions = {}
    for name in read("/lua/kong/plugins/threat-agent/actions/init.lua"):match("local registry = (%b{})"):gmatch("([%l_]+) = require") do
      actions[#actions + 1] = name
    end
    table.sort(actions)
    assert.same(actions, named("VERBS"))
  end)


  it("name each state of an action", function()
    local vocabulary = dofile(REPO .. "/lua/kong/plugins/threat-agent/vocabulary.lua")
    local states, list = { pending = true }, {}
    for _, set in ipairs({ "IN_FORCE", "ENDED" }) do
      for name in pairs(vocabulary[set]) do
        states[name] = true
      end
    end
    for name in pairs(states) do
      list[#list + 1] = name
    end
    table.sort(list)
    assert.same(list, named("STATES"))
  end)


  it("name each category", function()
    local categories = dofile(REPO .. "/lua/kong/plugins/threat-agent/vocabulary.lua").CATEGORIES
    table.sort(categories)
    assert.same(categories, named("CATEGORIES"))
  end)
end)
