#!lua flags=allow-oom
-- Forgets garbage that has been removed, unless it was named again meanwhile.
-- KEYS  1 anchor
-- ARGV  1 store  2… key and score as they were taken, in pairs
-- REPLY done count
local removed = 0
for i = 2, #ARGV, 2 do
    local member = ARGV[1] .. ' ' .. ARGV[i]
    if redis.call('ZSCORE', GARBAGE, member) == ARGV[i + 1] then
        removed = removed + redis.call('ZREM', GARBAGE, member)
    end
end
return { 'done', removed }
