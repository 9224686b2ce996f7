#!lua flags=allow-oom
-- Writes down what a look at a store found: objects that an image names, and that are missing or not what it says.
-- KEYS  1 anchor
-- ARGV  1 store  2 how many were looked at  3… object key and what is wrong, in pairs
-- Asked again here: what nothing names any more may rightly be gone. What stays counts. Nothing can be repaired.
-- REPLY reported faults fault-texts…
local store, faults = ARGV[1], {}
count('audited:objects', ARGV[2])
for i = 3, #ARGV, 2 do
    local key = ARGV[i]
    if is_named(store, key) then
        local image = string.match(key, '^[^/]+')
        faults[#faults + 1] = fault('O3', 'object ' .. key .. ' in store ' .. store .. ' ' .. ARGV[i + 1], '',
            { image = image })
    end
end
return { 'reported', #faults, unpack(faults) }
