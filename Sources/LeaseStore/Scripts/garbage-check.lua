#!lua flags=no-writes
-- Says which objects of a store's listing are strays: named by nothing, and not yet called garbage.
-- KEYS  1 anchor
-- ARGV  1 store  2… object keys
-- REPLY strays index… (from 0)
local answer = { 'strays' }
for i = 2, #ARGV do
    local key = ARGV[i]
    if not is_named(ARGV[1], key) and not redis.call('ZSCORE', GARBAGE, ARGV[1] .. ' ' .. key) then
        answer[#answer + 1] = i - 2
    end
end
return answer
