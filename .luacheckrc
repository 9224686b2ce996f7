-- Redis's Lua, and what prelude.lua puts before every script.
std = "lua51"
max_line_length = 120
read_globals = { "redis", "cjson", "cmsgpack", "KEYS", "ARGV" }

local prelude = "Sources/LeaseStore/Scripts/prelude.lua"
local names = {}
for line in io.lines(prelude) do
    local called = line:match("^local function ([%w_]+)")
    if called then names[#names + 1] = called end
    local listed = line:match("^local ([%w_, ]+) =")
    if listed then
        for name in listed:gmatch("[%w_]+") do names[#names + 1] = name end
    end
end

files["Sources/LeaseStore/Scripts/*.lua"] = { read_globals = names }
-- A script uses a part of the prelude only.
files[prelude] = { ignore = { "211" } }
